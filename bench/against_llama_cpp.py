#!/usr/bin/env python3
"""Prompt and generation speed of halfbyte and of llama.cpp, in turn, on the same files.

usage: against_llama_cpp.py [--runs 5] [--prompt 512] [--generate 64] [--threads 1,2] MODEL.gguf...

llama.cpp runs through PyPI llama-cpp-python, which must be importable and should be built for this processor:
    CMAKE_ARGS="-DGGML_NATIVE=ON" pip install --no-binary llama-cpp-python llama-cpp-python
Each run of each engine is a process of its own, ours and theirs alternating; figures are medians, the ratio is of medians.
Prints a Markdown table. Prompt: one llama_decode of all tokens after a warm-up; generation: one token per llama_decode from an
empty context, logits read.
"""
import argparse
import ctypes
import json
import pathlib
import statistics
import subprocess
import sys
import time

PROGRAM = pathlib.Path(__file__).resolve().parent.parent / "build" / "bin" / "halfbyte"


def measure_llama_cpp(model: str, threads: int, prompt: int, generate: int) -> dict:
    import llama_cpp

    @llama_cpp.llama_log_callback
    def silent(_level, _text, _data):
        pass

    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    handle = llama_cpp.llama_model_load_from_file(model.encode(), llama_cpp.llama_model_default_params())
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = max(prompt, generate) + 64
    params.n_batch = params.n_ubatch = 512
    params.n_threads = params.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(handle, params)
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(handle))
    tokens = [i * 7919 % vocabulary for i in range(max(prompt, generate))]

    def decode(part):
        ids = (llama_cpp.llama_token * len(part))(*part)  # the batch points into it
        if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(ids, len(part))) != 0:
            raise RuntimeError("llama_decode failed")
        llama_cpp.llama_get_logits(context)

    def forget():
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)

    decode(tokens[:8])
    forget()
    start = time.perf_counter()
    for begin in range(0, prompt, 512):
        decode(tokens[begin:min(begin + 512, prompt)])
    prompt_seconds = time.perf_counter() - start
    forget()
    start = time.perf_counter()
    for token in tokens[:generate]:
        decode([token])
    return {"prompt": prompt / prompt_seconds, "generation": generate / (time.perf_counter() - start)}


def measure_halfbyte(model: str, threads: int, prompt: int, generate: int) -> dict:
    command = [PROGRAM, "bench", model, "-p", prompt, "-n", generate, "-t", threads, "-r", 1, "--json"]
    figures = json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True).stdout)
    return {"prompt": figures["prompt_tokens_per_second"], "generation": figures["generation_tokens_per_second"],
            "percent": figures["percent_of_bandwidth"], "bandwidth": figures["read_bandwidth_gb_per_s"], "isa": figures["isa"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=64)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--peer-only", action="store_true", help=argparse.SUPPRESS)  # the child process of one llama.cpp run
    options = parser.parse_args()
    if options.peer_only:
        print(json.dumps(measure_llama_cpp(options.models[0], int(options.threads), options.prompt, options.generate)))
        return
    print(f"| model | threads | prompt {options.prompt}: halfbyte | llama.cpp | ratio | generation {options.generate}: halfbyte | llama.cpp | ratio "
          "| read bandwidth GB/s | of it used |\n|---|---|---|---|---|---|---|---|---|---|")
    for model in options.models:
        for threads in map(int, options.threads.split(",")):
            ours, theirs = [], []
            for _ in range(options.runs):
                ours.append(measure_halfbyte(model, threads, options.prompt, options.generate))
                command = [sys.executable, __file__, "--peer-only", "--threads", str(threads), "--prompt", str(options.prompt),
                           "--generate", str(options.generate), model]
                theirs.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
            def median(runs, key):
                return statistics.median(run[key] for run in runs)
            cells = [pathlib.Path(model).stem, threads]
            for key in ("prompt", "generation"):
                a, b = median(ours, key), median(theirs, key)
                cells += [f"{a:.0f}" if a > 100 else f"{a:.1f}", f"{b:.0f}" if b > 100 else f"{b:.1f}", f"**{a / b:.2f}**"]
            cells += [f"{median(ours, 'bandwidth'):.1f}", f"{median(ours, 'percent'):.0f} %"]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
