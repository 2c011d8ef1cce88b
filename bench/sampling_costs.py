#!/usr/bin/env python3
"""Instructions of a generated token for each way to sample, beside those of greedy: what sampling costs of a step.

usage: sampling_costs.py [--program build/bin/sampling_run] MODEL.gguf

Runs sampling_run under callgrind: one thread, HALFBYTE_ISA=avx2. Run it on a model with a large vocabulary (Gemma: 262,144).
"""
from __future__ import annotations

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
TOKENS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=TREE / "build/bin/sampling_run")
    parser.add_argument("model", type=pathlib.Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/part", "--combine-dumps=no"]
        command += ["--dump-before=first_token_ends", "--dump-before=last_token_ends", str(given.program), str(given.model)]
        environment = {"PATH": os.defpath, "HALFBYTE_ISA": "avx2", "HOME": folder, "LC_ALL": "C"}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"sampling_costs: {given.program}: exit status {done.returncode}\n{done.stderr}")
        greedy = 0
        for number, way in enumerate(done.stdout.splitlines()):
            part = pathlib.Path(f"{folder}/part.{2 * number + 2}").read_text()
            found = re.search(r"^(?:totals|summary): (\d+)$", part, re.MULTILINE)
            assert found is not None
            count = int(found[1]) // TOKENS
            greedy = greedy or count
            print(f"{way:<40} {count:>14,} {100 * (count / greedy - 1):>7.2f} %")


if __name__ == "__main__":
    main()
