"""How each engine is run on one piece of work: ours, llama.cpp and ik_llama.cpp. Every run is a process of its own.

Work in, figures out: "prompt" and "generation" in tokens per second, "steps" {tokens: milliseconds}, "start" in seconds.
"""
from __future__ import annotations

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
STEP_TOKENS = 512  # of a prompt
STEP_RUNS = 7  # steps of one size, of which the median counts; as halfbyte bench has it
START_PROMPT = "one two three four five six seven eight"


class Work(NamedTuple):
    model: str
    threads: int
    prompt: int
    generate: int
    depth: int = 0  # tokens of context before prompt, generation and steps
    steps: tuple[int, ...] = ()  # one step of so many tokens, for each
    start: bool = False  # from nothing to the first token after a prompt of about eight


Figures = dict[str, Any]  # ours has more


def run_process(command: list[object]) -> str:
    words = [str(word) for word in command]
    ended = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, text=True)
    if ended.returncode != 0:
        sys.exit(f"against_peers: {' '.join(words)}: exit status {ended.returncode}\n{ended.stderr.strip()[-2000:]}")
    return ended.stdout


def process_seconds(command: list[object]) -> float:
    begin = time.perf_counter()
    run_process(command)
    return time.perf_counter() - begin


def measure_halfbyte(work: Work) -> Figures:
    figures: Figures = {}
    if work.prompt or work.generate or work.steps:
        command = [PROGRAM, "bench", work.model, "-p", work.prompt, "-n", work.generate, "-d", work.depth, "-t", work.threads, "-r", 1, "--json"]
        if work.steps:
            command += ["--steps", ",".join(map(str, work.steps))]
        said = json.loads(run_process(command))
        figures = {"prompt": said["prompt_tokens_per_second"], "generation": said["generation_tokens_per_second"],
                   "percent": said["percent_of_bandwidth"], "bandwidth": said["read_bandwidth_gb_per_s"],
                   "macs": said["macs_per_cycle"], "isa": said["isa"],
                   "steps": {step["tokens"]: step["milliseconds"] for step in said["steps"]}}
    if work.start:
        figures["start"] = process_seconds(
            [PROGRAM, "run", work.model, START_PROMPT, "--raw", "--temperature", 0, "--max-tokens", 1, "--threads", work.threads])
    return figures


class LlamaCpp:
    """A model in llama.cpp; only in an interpreter that has llama_cpp."""

    def __init__(self, work: Work) -> None:
        import llama_cpp

        @llama_cpp.llama_log_callback
        def silent(_level: int, _text: bytes, _data: object) -> None:
            pass

        self.api, self.work, self._silent = llama_cpp, work, silent
        llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(work.model.encode(), llama_cpp.llama_model_default_params())
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = work.depth + max(work.prompt, work.generate, STEP_RUNS * max(work.steps, default=0)) + 64
        params.n_batch = params.n_ubatch = STEP_TOKENS
        params.n_threads = params.n_threads_batch = work.threads
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))

    def decode(self, first: int, count: int, step: int, all_logits: bool = False) -> float:
        """Seconds for `count` more tokens, `step` at a time, logits after the last of each step or after every token."""
        api = self.api
        begin = time.perf_counter()
        for at in range(first, first + count, step):
            n = min(step, first + count - at)
            ids = (api.llama_token * n)(*(i * 7919 % self.vocabulary for i in range(at, at + n)))  # the batch points into it
            batch = api.llama_batch_get_one(ids, n)
            if all_logits:
                wanted = (ctypes.c_int8 * n)(*([1] * n))
                batch.logits = ctypes.cast(wanted, type(batch.logits))
            if api.llama_decode(self.context, batch) != 0:
                raise RuntimeError("llama_decode failed")
            api.llama_get_logits(self.context)
        return time.perf_counter() - begin

    def restart(self) -> None:
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)
        if self.work.depth:
            self.decode(0, self.work.depth, STEP_TOKENS)


def measure_llama_cpp(work: Work) -> Figures:
    begin = time.perf_counter()
    engine = LlamaCpp(work)
    engine.decode(0, 8, 8)  # a warm-up, too
    figures: Figures = {"start": time.perf_counter() - begin} if work.start else {}
    for name, count, step in (("prompt", work.prompt, STEP_TOKENS), ("generation", work.generate, 1)):
        if count > 0:
            engine.restart()
            figures[name] = count / engine.decode(work.depth, count, step)
    steps = {}
    for size in work.steps:
        engine.restart()
        steps[size] = 1e3 * statistics.median(engine.decode(work.depth + i * size, size, size, all_logits=True) for i in range(STEP_RUNS))
    return figures | {"steps": steps}


def llama_cpp_process(python: str) -> Callable[[Work], Figures]:
    def measure(work: Work) -> Figures:
        said = json.loads(run_process([python, __file__, json.dumps(work)]))
        return said | {"steps": {int(size): ms for size, ms in said["steps"].items()}}
    return measure


def ik_process(program: str, repack: int) -> Callable[[Work], Figures]:
    def measure(work: Work) -> Figures:
        command: list[object] = [program, "-m", work.model, "-t", work.threads, "-r", 1, "-fa", 1, "-rtr", repack, "-o", "json"]

        def rates(options: list[object]) -> list[dict[str, Any]]:
            return json.loads(run_process(command + options))

        figures: Figures = {"steps": {}}
        # -gp D,N: generation of N after a prompt of D. A prompt behind a context is not something it measures.
        if work.depth and work.generate:
            tests = rates(["-p", 0, "-n", 0, "-gp", f"{work.depth},{work.generate}"])
        else:
            tests = rates(["-p", work.prompt, "-n", work.generate]) if work.prompt or work.generate else []
        for test in tests:
            figures["generation" if test["n_gen"] > 0 else "prompt"] = test["avg_ts"]
        if work.steps:  # prompts of so many tokens: logits after the last alone, which is less work than ours
            for test in rates(["-n", 0, "-p", ",".join(map(str, work.steps)), "-r", STEP_RUNS]):
                figures["steps"][test["n_prompt"]] = 1e3 * test["n_prompt"] / test["avg_ts"]
        if work.start:
            figures["start"] = process_seconds(command + ["-p", 8, "-n", 0, "-w", 0])
        return figures
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


if __name__ == "__main__":  # the child process of one llama.cpp run
    given = Work(*json.loads(sys.argv[1]))
    print(json.dumps(measure_llama_cpp(given._replace(steps=tuple(given.steps)))))
