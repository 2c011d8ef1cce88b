"""How fast a backend answers: one measurement written against the interface, the same for every kind."""

from __future__ import annotations

import copy
import importlib
import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ._checks import check_integer, check_sampling
from .backend import Backend, BackendInfo, InferenceResult

TOLERATED_DISAGREEMENT = 0.05


@dataclass(repr=False)
class BenchmarkResult:
    """The figures of one run, requests in order. Times in milliseconds, rates in completion tokens per second.

    Totals of tokens are None where any request had no count. `metadata` has the caller's entries, and, unless the caller
    used the name: `wall_latency_ms` (our clock around each call), `clock_disagreements` (numbers of the requests whose
    latency by the backend differs from that by more than 5 %), `first_request_latency_ms` and
    `later_requests_latency_ms_mean` (the first is cold unless `warmup` says otherwise), `prompt_tokens_per_second` and
    `generation_tokens_per_second` where the backend times the two apart, `machine`, `model`, `quantization`, `context`.
    """

    backend: BackendInfo
    n: int
    latency_ms_total: float
    latency_ms_mean: float
    latency_ms_p50: float
    latency_ms_p90: float
    completion_tokens_total: int | None
    tokens_per_second_overall: float | None
    per_request_latency_ms: list[float]
    per_request_tokens_per_second: list[float | None]
    results: list[InferenceResult]
    metadata: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"BenchmarkResult({self.backend.name}:{self.backend.model_id}, n={self.n}, "
            f"mean={self.latency_ms_mean:.2f} ms, p50={self.latency_ms_p50:.2f} ms, p90={self.latency_ms_p90:.2f} ms, "
            f"tokens/s={_rate(self.tokens_per_second_overall)})"
        )

    def to_markdown(self) -> str:
        """A table of one row; `markdown_table` sets several side by side."""
        return markdown_table([self])

    def to_json(self, *, indent: int | None = 2) -> str:
        """All of it, the prompts and completions too."""
        return json.dumps(asdict(self), indent=indent, ensure_ascii=False, default=str)

    def plot(self, axes: Any = None) -> Any:
        """Draws each request's latency into matplotlib `axes` (new ones when None) and returns them.

        ImportError when `axes` is None and there is no matplotlib.
        """
        if axes is None:
            try:
                plt = importlib.import_module("matplotlib.pyplot")
            except ImportError as cause:
                raise ImportError("BenchmarkResult.plot needs matplotlib: pip install matplotlib") from cause
            axes = plt.subplots()[1]
        axes.bar(range(1, self.n + 1), self.per_request_latency_ms)
        axes.axhline(self.latency_ms_p50, linestyle="--", label=f"p50 {self.latency_ms_p50:.1f} ms")
        axes.axhline(self.latency_ms_p90, linestyle=":", label=f"p90 {self.latency_ms_p90:.1f} ms")
        axes.set_xlabel("request")
        axes.set_ylabel("latency, ms")
        axes.set_title(f"{self.backend.name} {self.backend.model_id}")
        axes.legend()
        return axes


def _rate(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.2f}"


def markdown_table(results: Sequence[BenchmarkResult]) -> str:
    """Benchmarks as one Markdown table, a row each."""
    figures = ["n", "mean ms", "p50 ms", "p90 ms", "first ms", "tokens", "tokens/s", "prompt tokens/s", "generation tokens/s"]
    rows = ["| " + " | ".join(["backend", "model", *figures]) + " |", "|---|---|" + "---:|" * len(figures)]
    for result in results:
        tokens = "—" if result.completion_tokens_total is None else str(result.completion_tokens_total)
        first = result.metadata.get("first_request_latency_ms")
        cells = [
            result.backend.name.replace("|", "\\|"),
            result.backend.model_id.replace("|", "\\|"),
            str(result.n),
            *(f"{ms:.1f}" for ms in (result.latency_ms_mean, result.latency_ms_p50, result.latency_ms_p90)),
            "—" if first is None else f"{first:.1f}",
            tokens,
            _rate(result.tokens_per_second_overall),
            _rate(result.metadata.get("prompt_tokens_per_second")),
            _rate(result.metadata.get("generation_tokens_per_second")),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def percentile(values: Sequence[float], percent: float) -> float:
    """Linear interpolation between the two nearest of the sorted `values` (at least one)."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def benchmark(
    backend: Backend,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 64,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    warmup: int = 0,
) -> BenchmarkResult:
    """Completes `prompts` one after the other. `warmup` requests of the first prompt come before and do not count.

    ValueError: no prompts, negative warmup. What a backend raises goes through.
    """
    if isinstance(prompts, str):
        raise TypeError("prompts: expected a list of prompts, found one string")
    prompts = list(prompts)
    if not prompts:
        raise ValueError("prompts: expected at least one, found none")
    check_integer("warmup", warmup)
    if warmup < 0:
        raise ValueError(f"warmup: expected 0 or more, found {warmup}")
    sampling = check_sampling(max_new_tokens, temperature, top_k, top_p)

    for _ in range(warmup):
        backend.complete(prompts[0], **sampling)
    results: list[InferenceResult] = []
    wall_latency_ms: list[float] = []
    for prompt in prompts:
        begin = time.perf_counter()
        results.append(backend.complete(prompt, **sampling))
        wall_latency_ms.append((time.perf_counter() - begin) * 1000)

    latencies = [float(result.latency_ms) for result in results]
    total_ms = sum(latencies)
    counts = [result.completion_tokens for result in results]
    tokens = None if None in counts else sum(count for count in counts if count is not None)
    measured = {
        "sampling": sampling,
        "warmup": warmup,
        "wall_latency_ms": wall_latency_ms,
        "clock_disagreements": _disagreements(latencies, wall_latency_ms),
        "first_request_latency_ms": latencies[0],
        "later_requests_latency_ms_mean": statistics.fmean(latencies[1:]) if len(latencies) > 1 else None,
        "prompt_tokens_per_second": _server_rate(results, "prompt_tokens", "server_prompt_eval_duration_ms"),
        "generation_tokens_per_second": _server_rate(results, "completion_tokens", "server_eval_duration_ms"),
        "machine": machine(),
        "model": backend.info.model_id,
        "quantization": backend.info.extra.get("quantization", backend.info.extra.get("quant")),
        "context": backend.info.extra.get("context"),
    }
    return BenchmarkResult(
        backend=backend.info,
        n=len(results),
        latency_ms_total=total_ms,
        latency_ms_mean=total_ms / len(results),
        latency_ms_p50=percentile(latencies, 50),
        latency_ms_p90=percentile(latencies, 90),
        completion_tokens_total=tokens,
        tokens_per_second_overall=tokens / (total_ms / 1000) if tokens is not None and total_ms > 0 else None,
        per_request_latency_ms=latencies,
        per_request_tokens_per_second=[result.tokens_per_second for result in results],
        results=results,
        metadata={**measured, **copy.deepcopy(dict(metadata or {}))},
    )


def _disagreements(by_backend: Sequence[float], by_us: Sequence[float]) -> list[int]:
    """Numbers, from 0, of the requests whose two latencies differ by more than the tolerated part of ours."""
    pairs = enumerate(zip(by_backend, by_us, strict=True))
    return [number for number, (theirs, ours) in pairs if abs(theirs - ours) > TOLERATED_DISAGREEMENT * ours]


def _server_rate(results: Sequence[InferenceResult], count: str, duration: str) -> float | None:
    """Tokens per second of one phase over all requests; None where any of them lacks its count or duration."""
    counts: list[Any] = [getattr(result, count) for result in results]
    durations: list[Any] = [result.metadata.get(duration) for result in results]
    if None in counts or None in durations or sum(durations) <= 0:
        return None
    return float(sum(counts) / (sum(durations) / 1000))


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "system": platform.platform(),
        "processor": _processor_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
            for line in cpuinfo:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
