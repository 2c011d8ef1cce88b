"""Several backends on the same prompts, side by side: python -m halfbyte.bench --backend KIND[:MODEL] ... --prompts FILE"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .inference import benchmark, open_backend
from .inference.benchmark import markdown_table


def read_prompts(file: Path) -> list[str]:
    """One prompt per line, empty lines passed over; of a .json or .jsonl file, strings or objects with `prompt`."""
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        entries = json.loads(text)
    elif file.suffix == ".jsonl":
        entries = [json.loads(line) for line in text.splitlines() if line.strip()]
    else:
        entries = [line for line in text.splitlines() if line.strip()]
    if not isinstance(entries, list):
        raise ValueError(f"{file}: expected a list of prompts, found {type(entries).__name__}")
    prompts: list[str] = []
    for number, entry in enumerate(entries):
        prompt = entry.get("prompt") if isinstance(entry, dict) else entry
        if not isinstance(prompt, str) or not prompt:
            raise ValueError(f"{file}: prompt {number}: expected a string, found {prompt!r}")
        prompts.append(prompt)
    if not prompts:
        raise ValueError(f"{file}: expected at least one prompt, found none")
    return prompts


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; exit status 0 done, 1 failed, 2 usage, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m halfbyte.bench", description="Times backends on the same prompts.")
    parser.add_argument("--backend", action="append", required=True, metavar="KIND[:MODEL]", help="repeat to compare; ollama:MODEL@http://HOST:PORT")
    parser.add_argument("--prompts", type=Path, required=True, metavar="FILE", help="a prompt per line, .json, .jsonl, or -")
    parser.add_argument("--max-tokens", type=int, default=64, metavar="N")
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T")
    parser.add_argument("--warmup", type=int, default=0, metavar="N", help="requests before that do not count")
    parser.add_argument("--json", action="store_true", help="every figure and answer instead of the table")
    given = parser.parse_args(arguments)
    try:
        prompts = read_prompts(given.prompts)
        results = [
            benchmark(
                open_backend(word),
                prompts,
                max_new_tokens=given.max_tokens,
                temperature=given.temperature,
                warmup=given.warmup,
            )
            for word in given.backend
        ]
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        print(f"halfbyte: {error}", file=sys.stderr)
        return 2 if isinstance(error, (ValueError, TypeError)) else 1
    if given.json:
        print(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False, default=str))
    else:
        print(markdown_table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
