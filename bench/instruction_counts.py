#!/usr/bin/env python3
"""Instructions that a start, a prompt of 64 tokens and 8 generated tokens take, against what is recorded: speed that no neighbour moves.

usage: instruction_counts.py [--record] [--program build/bin/counted_run] [MODEL.gguf]

Runs counted_run under valgrind's callgrind on SmolLM2 135M (smollm2-135m.gguf in HALFBYTE_MODELS): one thread, HALFBYTE_ISA=avx2, the
most that valgrind knows. Prints each count beside the one in instruction_counts.json and fails where it is 3 % above. One that
is 3 % below passes and asks to be recorded. --record writes what was counted as the new record, with the compiler and flags it holds for.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent
RECORD = pathlib.Path(__file__).with_suffix(".json")
MODEL = "smollm2-135m.gguf"
PHASES = {"start": "counted_start_ends", "prompt of 64": "counted_prompt_ends", "8 generated": "counted_generation_ends"}
TOLERATED_PERCENT = 3.0

Counts = dict[str, int]


def count(program: pathlib.Path, model: pathlib.Path) -> Counts:
    """Callgrind writes a file when the function at a phase's end is entered, and one at exit."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/part", "--combine-dumps=no"]
        command += [f"--dump-before={function}" for function in PHASES.values()]
        # Nothing of the caller's environment: neither its calibration nor its length is to be seen.
        environment = {"PATH": os.defpath, "HALFBYTE_ISA": "avx2", "HOME": folder, "LC_ALL": "C"}
        done = subprocess.run([*command, str(program), str(model)], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"instruction_counts: {program} under valgrind: exit status {done.returncode}\n{done.stderr}")
        counts = {}
        for number, (phase, function) in enumerate(PHASES.items(), start=1):
            part = pathlib.Path(f"{folder}/part.{number}")
            found = re.search(r"^(?:totals|summary): (\d+)$", part.read_text(), re.MULTILINE) if part.exists() else None
            if found is None:
                sys.exit(f"instruction_counts: no counts up to {function}: was it called?\n{done.stderr}")
            counts[phase] = int(found[1])
        return counts


def built_with(program: pathlib.Path) -> dict[str, str]:
    """What moves counts beside the source. The build folder's own list of commands says how an inner file was compiled."""
    commands = json.loads((program.parent.parent / "compile_commands.json").read_text())
    engine = next(entry["command"] for entry in commands if entry["file"].endswith("/engine/engine.cpp"))
    flags = [word for word in engine.split() if re.match(r"-[Ofgm]|-std|-DNDEBUG|-D_", word)]
    compiler = next(word for word in engine.split() if re.search(r"(\+\+|cc)(-\d+)?$", word))
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    valgrind = subprocess.run(["valgrind", "--version"], check=True, capture_output=True, text=True).stdout.strip()
    return {"compiler": version, "flags": " ".join(sorted(set(flags))), "valgrind": valgrind}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=TREE / "build" / "bin" / "counted_run")
    parser.add_argument("--record", action="store_true", help=f"write the counts into {RECORD.name}")
    options = parser.parse_args(arguments)
    model = options.model
    if model is None:
        if "HALFBYTE_MODELS" not in os.environ:
            parser.error("HALFBYTE_MODELS is not set; `make test-long` sets it and fetches the model")
        model = pathlib.Path(os.environ["HALFBYTE_MODELS"]) / MODEL

    counts, built = count(options.program.resolve(), model), built_with(options.program.resolve())
    if options.record:
        RECORD.write_text(json.dumps({"model": model.name, "isa": "avx2", **built, "instructions": counts}, indent=1) + "\n")
        print(f"instruction_counts: recorded in {RECORD.name}")
    recorded = json.loads(RECORD.read_text())

    changes = {phase: 100 * (counted / recorded["instructions"][phase] - 1) for phase, counted in counts.items()}
    print(f"{'instructions':<16} {'recorded':>15} {'now':>15} {'change':>9}")
    for phase, change in changes.items():
        print(f"{phase:<16} {recorded['instructions'][phase]:>15,} {counts[phase]:>15,} {change:>+7.2f} %")
    for what, now in {"model": model.name, **built}.items():
        if recorded[what] != now:
            print(f"instruction_counts: the record is of another {what}: {recorded[what]}; now {now}")
    if better := [phase for phase, change in changes.items() if change < -TOLERATED_PERCENT]:
        print(f"instruction_counts: {', '.join(better)}: better than recorded; keep it with {pathlib.Path(__file__).name} --record")
    if worse := [phase for phase, change in changes.items() if change > TOLERATED_PERCENT]:
        sys.exit(f"instruction_counts: {', '.join(worse)}: more than {TOLERATED_PERCENT:g} % above the record")


if __name__ == "__main__":
    main()
