#!/usr/bin/env python3
"""Speed of halfbyte and of the peers on this machine, in turn, on the same files.

usage: against_peers.py [--runs 5] [--prompt 512] [--generate 48] [--depth 0] [--steps 1,2,4,8] [--start] [--threads 1,2]
                        [--save FOLDER/NAME] MODEL.gguf...

Peers, each left out (and said so) where it is not installed:
  llama.cpp      through PyPI llama-cpp-python, built for this processor:
                     CMAKE_ARGS="-DGGML_NATIVE=ON" pip install --no-binary llama-cpp-python llama-cpp-python
                 HALFBYTE_LLAMA_PYTHON names the interpreter that has it (this one).
  ik_llama.cpp   its llama-bench, built with -DGGML_NATIVE=ON; HALFBYTE_IK_LLAMA_BENCH names the program. It runs twice, as it is
                 and with run-time repacking (-rtr 1), flash attention on; the better of both counts, figure by figure.
Every run is a process of its own and the engines take turns; figures are medians, ratios are of medians. Caches are f16.
Prompt: all tokens after a warm-up, in steps of 512; generation: one token per step, after --depth tokens of context. Each step ends with
its logits: halfbyte takes their arg-max, as its greedy generation does; of the peers nobody looks at them.
--steps: one step of so many tokens, with logits after each (ik_llama.cpp: after the last). --start: from nothing to the first token after a
prompt of eight, the file in the system's memory; llama.cpp's time leaves out its interpreter's start.
Prints Markdown tables; --save also writes NAME.md, NAME.json (every single figure) and NAME.svg, and adds to what NAME.json has.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import Any

from peers import PROGRAM, Figures, Work, measure_halfbyte, peers_here

Row = dict[str, Any]  # "work", "figures" {key: {engine: median}}, "runs" {engine: every figure}; of ours "isa", "macs", ..
PEERS = ("llama.cpp", "ik_llama.cpp")


def figure(run: Figures, key: str) -> float | None:
    """Key: "prompt", or "steps/4"."""
    name, _, tokens = key.partition("/")
    value = run.get(name)
    return value.get(int(tokens)) if tokens and value else value


def median(runs: list[Figures], key: str) -> float | None:
    values = [value for run in runs if (value := figure(run, key)) is not None]
    return statistics.median(values) if values else None


def is_rate(key: str) -> bool:
    return key in ("prompt", "generation")


def keys_of(work: Work) -> list[str]:
    rates = [key for key, tokens in (("prompt", work.prompt), ("generation", work.generate)) if tokens]
    return rates + [f"steps/{size}" for size in work.steps] + (["start"] if work.start else [])


def measure_row(work: Work, runs: int, peers: dict[str, list[Callable[[Work], Figures]]]) -> Row:
    ours: list[Figures] = []
    theirs: dict[str, list[list[Figures]]] = {name: [[] for _ in ways] for name, ways in peers.items()}
    for _ in range(runs):
        ours.append(measure_halfbyte(work))
        for name, ways in peers.items():
            for way, figures in zip(ways, theirs[name]):
                figures.append(way(work))
    row: Row = {"work": {**work._asdict(), "model": pathlib.Path(work.model).stem}, "figures": {},
                **{key: median(ours, key) for key in ("percent", "bandwidth", "macs")}, "isa": ours[0].get("isa")}
    for key in keys_of(work):
        row["figures"][key] = {"halfbyte": median(ours, key)}
        for name, ways in theirs.items():
            found = [m for figures in ways if (m := median(figures, key)) is not None]
            row["figures"][key][name] = (max if is_rate(key) else min)(found) if found else None
    row["runs"] = {"halfbyte": ours, **theirs}
    return row


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio(row: Row, key: str, peer: str) -> float | None:
    """How many times as fast halfbyte is."""
    measured = row["figures"].get(key, {})
    mine, other = measured.get("halfbyte"), measured.get(peer)
    if not mine or not other:
        return None
    return mine / other if is_rate(key) else other / mine


def beside(row: Row, key: str) -> list[str]:
    """Our figure, then each peer's with its ratio."""
    measured = row["figures"].get(key, {})
    cells = [number(measured.get("halfbyte"))]
    for peer in PEERS:
        times = ratio(row, key, peer)
        cells += [number(measured.get(peer)), "" if times is None else f"**{times:.2f}**"]
    return cells


def table(head: list[str], lines: list[list[Any]]) -> str:
    if not lines:
        return ""
    return "\n".join("| " + " | ".join(map(str, cells)) + " |" for cells in [head, ["---"] * len(head), *lines]) + "\n\n"


def engines(prefix: str) -> list[str]:
    return [prefix + "halfbyte", *(cell for peer in PEERS for cell in (peer, "ratio"))]


def rate_table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        work = row["work"]
        if any(is_rate(key) for key in row["figures"]):
            used = "" if row["percent"] is None else f"{row['percent']:.0f} %"
            lines.append([work["model"], work["threads"], work["prompt"] or "", work["depth"], *beside(row, "prompt"), *beside(row, "generation"),
                          number(row["macs"]), number(row["bandwidth"]), used])
    head = ["model", "threads", "prompt", "after", *engines("prompt, tokens/s: "), *engines("generation, tokens/s: "), "MAC/cycle", "GB/s", "of it used"]
    return table(head, lines)


def time_table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        work, first = row["work"], row["figures"].get("steps/1", {})
        for key in row["figures"]:
            if key.startswith("steps/"):
                growth = [row["figures"][key].get(engine) and first.get(engine) and number(row["figures"][key][engine] / first[engine])
                          for engine in ("halfbyte", *PEERS)]
                lines.append([work["model"], work["threads"], f"step of {key[6:]}, ms", work["depth"], *beside(row, key),
                              " / ".join(str(g or "-") for g in growth)])
            if key == "start":
                lines.append([work["model"], work["threads"], "start to first token, s", "", *beside(row, key), ""])
    return table(["model", "threads", "what", "after", *engines(""), "of a step of 1"], lines)


def as_svg(rows: list[Row]) -> str:
    """One bar per row, work and peer: how many times as fast halfbyte is. The line is 1."""
    bars = []
    for row in rows:
        work = row["work"]
        for key in row["figures"]:
            what = f"step of {key[6:]}" if key.startswith("steps/") else f"prompt of {work['prompt']}" if key == "prompt" else key
            after = f" after {work['depth']}" if work["depth"] and key != "start" else ""
            label = f"{work['model'].removeprefix('random-')}, {work['threads']} threads: {what}{after}"
            bars += [(label, peer, times) for peer in PEERS if (times := ratio(row, key, peer)) is not None]
    height, left, width = 18, 400, 480
    scale = width / max([2.0, *(times for _, _, times in bars)])
    colours = {"llama.cpp": "#4878a8", "ik_llama.cpp": "#d08a3c"}
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{height * len(bars) + 50}" font-family="sans-serif" '
             'font-size="11">', '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{left}" y="16">times as fast as ' + ", ".join(
                 f'<tspan fill="{colours[peer]}" font-weight="bold">{peer}</tspan>' for peer in PEERS) + "</text>"]
    for i, (label, peer, times) in enumerate(bars):
        y = 28 + height * i
        lines += [f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{label}</text>',
                  f'<rect x="{left}" y="{y + 2}" width="{times * scale:.1f}" height="{height - 4}" fill="{colours[peer]}"/>',
                  f'<text x="{left + times * scale + 4:.1f}" y="{y + 12}">{times:.2f}</text>']
    one = left + scale
    lines += [f'<line x1="{one:.1f}" x2="{one:.1f}" y1="24" y2="{28 + height * len(bars)}" stroke="#333" stroke-dasharray="3 3"/>', "</svg>"]
    return "\n".join(lines) + "\n"


def processor() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def save(path: pathlib.Path, rows: list[Row], runs: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    recorded = path.with_suffix(".json")
    if recorded.exists():
        rows = json.loads(recorded.read_text())["rows"] + rows
    isa = next((row["isa"] for row in rows if row["isa"]), "")
    head = f"{time.strftime('%Y-%m-%d')}, {processor()}, {os.cpu_count()} processors, {isa}. Medians of {runs}.\n\n"
    recorded.write_text(json.dumps({"processor": processor(), "rows": rows}, indent=1) + "\n")
    path.with_suffix(".md").write_text(head + (rate_table(rows) + time_table(rows)).rstrip("\n") + "\n")
    path.with_suffix(".svg").write_text(as_svg(rows))


def sizes(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=48)
    parser.add_argument("--depth", type=int, default=0)
    parser.add_argument("--steps", type=sizes, default=())
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--threads", type=sizes, default=(1, 2))
    parser.add_argument("--save", type=pathlib.Path, help="where to write NAME.md, NAME.json, NAME.svg")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error(f"--runs: {options.runs} is less than 1")
    for file in (*options.models, PROGRAM):
        if not pathlib.Path(file).is_file():
            parser.error(f"{file}: no such file")
    peers = peers_here()
    rows = []
    for model in options.models:
        for threads in options.threads:
            work = Work(model, threads, options.prompt, options.generate, options.depth, options.steps, options.start)
            rows.append(measure_row(work, options.runs, peers))
            print(rate_table(rows[-1:]) + time_table(rows[-1:]), end="", flush=True)
            if options.save:
                save(options.save, rows[-1:], options.runs)


if __name__ == "__main__":
    main()
