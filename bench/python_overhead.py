#!/usr/bin/env python3
"""What Python costs per token: the same greedy reply streamed by `halfbyte run` and by halfbyte.inference.EngineBackend, in turn.

usage: PYTHONPATH=build/python python_overhead.py [--runs 5] [--tokens 256] [--threads 1,2] MODEL...

Each run is a process of its own, the two alternating. C++ time is the engine's own, from the first token's logits to the end; Python's
is the wall clock of the loop that reads the stream, from the first piece to the end. Prints a Markdown table of medians.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build" / "bin" / "halfbyte"
PROMPT = "Once upon a time, there was a little girl named Lily. She loved"


def python_ms(model: str, tokens: int, threads: int) -> float:
    from halfbyte.inference import EngineBackend

    with EngineBackend(model, threads=threads) as backend:
        backend.complete(PROMPT, max_new_tokens=8, temperature=0.0)
        stream = backend.stream(PROMPT, max_new_tokens=tokens, temperature=0.0)
        next(stream)
        begin = time.perf_counter()
        while True:
            try:
                next(stream)
            except StopIteration as end:
                return (time.perf_counter() - begin) * 1000 / (end.value.completion_tokens - 1)


def program_ms(program: str, model: str, tokens: int, threads: int) -> float:
    command = [program, "run", model, PROMPT, "--raw", "--temperature", "0", "--max-tokens", str(tokens), "--threads", str(threads), "--verbose"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    count, ms = re.search(r"generation +(\d+) tokens +([\d.]+) ms", told).groups()
    return float(ms) / (int(count) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--program", default=str(PROGRAM))
    parser.add_argument("--python-only", action="store_true", help=argparse.SUPPRESS)  # the child process of one run
    options = parser.parse_args()
    if options.python_only:
        print(json.dumps(python_ms(options.models[0], options.tokens, int(options.threads))))
        return
    print("| model | threads | C++ ms/token | Python ms/token | overhead |\n|---|---:|---:|---:|---:|")
    for model in options.models:
        for threads in map(int, options.threads.split(",")):
            ours, theirs = [], []
            for _ in range(options.runs):
                ours.append(program_ms(options.program, model, options.tokens, threads))
                child = [sys.executable, __file__, "--python-only", "--tokens", str(options.tokens), "--threads", str(threads), model]
                theirs.append(json.loads(subprocess.run(child, check=True, capture_output=True).stdout))
            plain, python = statistics.median(ours), statistics.median(theirs)
            print(f"| {pathlib.Path(model).stem} | {threads} | {plain:.3f} | {python:.3f} | {100 * (python / plain - 1):+.1f} % |", flush=True)


if __name__ == "__main__":
    main()
