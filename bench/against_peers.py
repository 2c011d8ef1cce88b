#!/usr/bin/env python3
"""Prompt and generation speed of halfbyte and of the peers on this machine, in turn, on the same files.

usage: against_peers.py [--runs 5] [--prompt 512] [--generate 48] [--depth 0] [--threads 1,2] [--save FOLDER/NAME] MODEL.gguf...

Peers, each left out (and said so) where it is not installed:
  llama.cpp      through PyPI llama-cpp-python, built for this processor:
                     CMAKE_ARGS="-DGGML_NATIVE=ON" pip install --no-binary llama-cpp-python llama-cpp-python
                 HALFBYTE_LLAMA_PYTHON names the interpreter that has it (this one).
  ik_llama.cpp   its llama-bench, built with -DGGML_NATIVE=ON; HALFBYTE_IK_LLAMA_BENCH names the program. It runs twice, as it is
                 and with run-time repacking (-rtr 1), flash attention on; the better of both counts, figure by figure.
Every run is a process of its own and the engines take turns; figures are medians, ratios are of medians. Caches are f16.
Prompt: all tokens after a warm-up, in steps of 512; generation: one token per step, after --depth tokens of context. Each step ends with
its logits: halfbyte takes their arg-max, as its greedy generation does; of the peers nobody looks at them.
Prints a Markdown table; --save also writes NAME.md, NAME.json (every single figure) and NAME.svg.
"""
from __future__ import annotations

import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build" / "bin" / "halfbyte"
STEP_TOKENS = 512


class Work(NamedTuple):
    model: str
    threads: int
    prompt: int
    generate: int
    depth: int


Figures = dict[str, Any]  # "prompt", "generation": tokens per second; ours has more


def measure_halfbyte(work: Work) -> Figures:
    command = [PROGRAM, "bench", work.model, "-p", work.prompt, "-n", work.generate, "-d", work.depth, "-t", work.threads, "-r", 1, "--json"]
    said = json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True).stdout)
    return {"prompt": said["prompt_tokens_per_second"], "generation": said["generation_tokens_per_second"],
            "percent": said["percent_of_bandwidth"], "bandwidth": said["read_bandwidth_gb_per_s"],
            "macs": said["macs_per_cycle"], "isa": said["isa"]}


def measure_llama_cpp(work: Work) -> Figures:
    """Runs in the interpreter that has llama_cpp."""
    import llama_cpp

    @llama_cpp.llama_log_callback
    def silent(_level: int, _text: bytes, _data: object) -> None:
        pass

    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    handle = llama_cpp.llama_model_load_from_file(work.model.encode(), llama_cpp.llama_model_default_params())
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = work.depth + max(work.prompt, work.generate) + 64
    params.n_batch = params.n_ubatch = STEP_TOKENS
    params.n_threads = params.n_threads_batch = work.threads
    context = llama_cpp.llama_init_from_model(handle, params)
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(handle))

    def decode(first: int, count: int, step: int) -> float:
        start = time.perf_counter()
        for begin in range(first, first + count, step):
            n = min(step, first + count - begin)
            ids = (llama_cpp.llama_token * n)(*(i * 7919 % vocabulary for i in range(begin, begin + n)))  # the batch points into it
            if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(ids, n)) != 0:
                raise RuntimeError("llama_decode failed")
            llama_cpp.llama_get_logits(context)
        return time.perf_counter() - start

    def forget() -> None:
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)

    figures: Figures = {}
    decode(0, 8, 8)
    for name, count, step in (("prompt", work.prompt, STEP_TOKENS), ("generation", work.generate, 1)):
        if count > 0:
            forget()
            decode(0, work.depth, STEP_TOKENS)
            figures[name] = count / decode(work.depth, count, step)
    return figures


def llama_cpp_process(python: str) -> Callable[[Work], Figures]:
    def measure(work: Work) -> Figures:
        command = [python, __file__, "--llama-cpp-only", json.dumps(work), work.model]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return measure


def ik_process(program: str, repack: int) -> Callable[[Work], Figures]:
    def measure(work: Work) -> Figures:
        command = [program, "-m", work.model, "-t", work.threads, "-r", 1, "-fa", 1, "-rtr", repack, "-o", "json"]
        # -gp D,N: generation of N after a prompt of D. A prompt behind a context is not something it measures.
        command += ["-p", 0 if work.depth else work.prompt]
        command += ["-n", 0, "-gp", f"{work.depth},{work.generate}"] if work.depth else ["-n", work.generate]
        said = json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True).stdout)
        return {("generation" if test["n_gen"] > 0 else "prompt"): test["avg_ts"] for test in said}
    return measure


def peers_here() -> dict[str, list[Callable[[Work], Figures]]]:
    """Peer -> its ways to run, of which the better counts."""
    peers: dict[str, list[Callable[[Work], Figures]]] = {}
    python = os.environ.get("HALFBYTE_LLAMA_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import llama_cpp"], capture_output=True).returncode == 0:
        peers["llama.cpp"] = [llama_cpp_process(python)]
    ik = os.environ.get("HALFBYTE_IK_LLAMA_BENCH")
    if ik:
        peers["ik_llama.cpp"] = [ik_process(ik, repack=0), ik_process(ik, repack=1)]
    for name in ("llama.cpp", "ik_llama.cpp"):
        if name not in peers:
            print(f"against_peers: {name} is not installed: left out", file=sys.stderr)
    return peers


def median(runs: list[Figures], key: str) -> float | None:
    values = [run[key] for run in runs if run.get(key) is not None]
    return statistics.median(values) if values else None


def measure_row(work: Work, runs: int, peers: dict[str, list[Callable[[Work], Figures]]]) -> dict[str, Any]:
    ours: list[Figures] = []
    theirs: dict[str, list[list[Figures]]] = {name: [[] for _ in ways] for name, ways in peers.items()}
    for _ in range(runs):
        ours.append(measure_halfbyte(work))
        for name, ways in peers.items():
            for way, figures in zip(ways, theirs[name]):
                figures.append(way(work))
    row: dict[str, Any] = {**work._asdict(), "model": pathlib.Path(work.model).stem, "runs": {"halfbyte": ours, **theirs}}
    for key in ("percent", "bandwidth", "macs"):
        row[key] = median(ours, key)
    row["isa"] = ours[0]["isa"]
    for key in ("prompt", "generation"):
        row[key] = {"halfbyte": median(ours, key)}
        for name, ways in theirs.items():
            best = [m for figures in ways if (m := median(figures, key)) is not None]
            row[key][name] = max(best) if best else None
    return row


def rate(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value > 100 else f"{value:.1f}"


def ratio(row: dict[str, Any], key: str, peer: str) -> float | None:
    mine, other = row[key]["halfbyte"], row[key].get(peer)
    return mine / other if mine and other else None


def table_head(peers: list[str]) -> str:
    cells = ["model", "threads", "after"]
    for work in ("prompt", "generation"):
        cells.append(f"{work}: halfbyte")
        for peer in peers:
            cells += [peer, "ratio"]
    cells += ["MAC/cycle", "GB/s", "of it used"]
    return "| " + " | ".join(cells) + " |\n|" + "---|" * len(cells)


def table_line(row: dict[str, Any], peers: list[str]) -> str:
    cells = [row["model"], row["threads"], row["depth"]]
    for key in ("prompt", "generation"):
        cells.append(rate(row[key]["halfbyte"]))
        for peer in peers:
            times = ratio(row, key, peer)
            cells += [rate(row[key].get(peer)), "" if times is None else f"**{times:.2f}**"]
    cells += [rate(row["macs"]), rate(row["bandwidth"]), "" if row["percent"] is None else f"{row['percent']:.0f} %"]
    return "| " + " | ".join(map(str, cells)) + " |"


def as_svg(rows: list[dict[str, Any]], peers: list[str]) -> str:
    """One bar per row, work and peer: how many times as fast halfbyte is. The line is 1."""
    bars = [(f"{row['model']}, {row['threads']} threads{', after ' + str(row['depth']) if row['depth'] else ''}: {key}", peer, times)
            for row in rows for key in ("prompt", "generation") for peer in peers if (times := ratio(row, key, peer)) is not None]
    height, left, width = 18, 330, 480
    most = max([2.0, *(times for _, _, times in bars)])
    scale = width / most
    colours = {"llama.cpp": "#4878a8", "ik_llama.cpp": "#d08a3c"}
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{height * len(bars) + 50}" font-family="sans-serif" '
             'font-size="11">', '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{left}" y="16">times as fast as ' + ", ".join(
                 f'<tspan fill="{colours[peer]}" font-weight="bold">{peer}</tspan>' for peer in peers) + "</text>"]
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=48)
    parser.add_argument("--depth", type=int, default=0)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--save", type=pathlib.Path, help="where to write NAME.md, NAME.json, NAME.svg")
    parser.add_argument("--llama-cpp-only", help=argparse.SUPPRESS)  # the child process of one llama.cpp run
    options = parser.parse_args()
    if options.llama_cpp_only:
        print(json.dumps(measure_llama_cpp(Work(*json.loads(options.llama_cpp_only)))))
        return
    peers = peers_here()
    names = list(peers)
    rows = []
    print(table_head(names), flush=True)
    for model in options.models:
        for threads in map(int, options.threads.split(",")):
            work = Work(model, threads, options.prompt, options.generate, options.depth)
            rows.append(measure_row(work, options.runs, peers))
            print(table_line(rows[-1], names), flush=True)
    if options.save:
        options.save.parent.mkdir(parents=True, exist_ok=True)
        head = (f"{time.strftime('%Y-%m-%d')}, {processor()}, {os.cpu_count()} processors, {rows[0]['isa']}. Prompt of {options.prompt}, "
                f"generation of {options.generate} tokens; tokens per second; medians of {options.runs}.\n\n")
        lines = [table_head(names), *(table_line(row, names) for row in rows)]
        options.save.with_suffix(".md").write_text(head + "\n".join(lines) + "\n")
        options.save.with_suffix(".json").write_text(json.dumps({"processor": processor(), "rows": rows}, indent=1) + "\n")
        options.save.with_suffix(".svg").write_text(as_svg(rows, names))


if __name__ == "__main__":
    main()
