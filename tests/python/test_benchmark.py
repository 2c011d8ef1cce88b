"""Times of backends."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from fake_services import COMPLETION_TOKENS, PROMPT_TOKENS, FakeServices
from stand_ins import ScriptedBackend

from halfbyte.inference import BackendInfo, BenchmarkResult, OllamaBackend, benchmark

INFO = BackendInfo(name="kind", model_id="model")


def steps(*latencies_ms: float, tokens: int | None = 1) -> ScriptedBackend:
    return ScriptedBackend(*(("x", ms, 1, tokens) for ms in latencies_ms))


class TestBenchmarkBoilerplate:
    def figures(self, rate: float | None) -> BenchmarkResult:
        return BenchmarkResult(
            backend=INFO,
            n=1,
            latency_ms_total=10.0,
            latency_ms_mean=10.0,
            latency_ms_p50=10.0,
            latency_ms_p90=10.0,
            completion_tokens_total=None if rate is None else 5,
            tokens_per_second_overall=rate,
            per_request_latency_ms=[10.0],
            per_request_tokens_per_second=[rate],
            results=[],
        )

    def test_repr_is_compact(self) -> None:
        assert "BenchmarkResult" in repr(self.figures(500.0))
        assert "n=1" in repr(self.figures(500.0))
        assert "500.00" in repr(self.figures(500.0))
        assert "—" in repr(self.figures(None))
        assert self.figures(None).metadata == {}


class TestBenchmark:
    def test_asks_in_order_with_the_callers_sampling(self) -> None:
        backend = steps(1.0, 1.0)
        benchmark(backend, ["first", "second"], max_new_tokens=9, temperature=0.7, top_k=4, top_p=0.5)
        assert [call["prompt"] for call in backend.calls] == ["first", "second"]
        assert backend.calls[0] == {
            "prompt": "first",
            "max_new_tokens": 9,
            "temperature": 0.7,
            "top_k": 4,
            "top_p": 0.5,
        }

    def test_defaults(self) -> None:
        backend = steps(1.0)
        benchmark(backend, ["p"])
        assert backend.calls[0]["max_new_tokens"] == 64
        assert backend.calls[0]["temperature"] == 1.0

    def test_sums_means_and_rates(self) -> None:
        out = benchmark(ScriptedBackend(("a", 10.0, 1, 5), ("b", 30.0, 1, 15)), ["p", "q"])
        assert out.n == 2
        assert out.latency_ms_total == pytest.approx(40.0)
        assert out.latency_ms_mean == pytest.approx(20.0)
        assert out.per_request_latency_ms == [10.0, 30.0]
        assert out.completion_tokens_total == 20
        assert out.tokens_per_second_overall == pytest.approx(500.0)
        assert out.per_request_tokens_per_second == [pytest.approx(500.0), pytest.approx(500.0)]
        assert [one.completion for one in out.results] == ["a", "b"]
        assert out.backend.name == "scripted"

    def test_percentiles_are_interpolated(self) -> None:
        out = benchmark(steps(40.0, 10.0, 30.0, 20.0), ["p"] * 4)
        assert out.latency_ms_p50 == pytest.approx(25.0)
        assert out.latency_ms_p90 == pytest.approx(37.0)

    def test_one_request_is_its_own_percentile(self) -> None:
        out = benchmark(steps(42.0), ["p"])
        assert (out.latency_ms_p50, out.latency_ms_p90) == (42.0, 42.0)

    def test_totals_are_none_where_any_count_is(self) -> None:
        out = benchmark(ScriptedBackend(("a", 10.0, 1, 5), ("b", 10.0, 1, None)), ["p", "q"])
        assert out.completion_tokens_total is None
        assert out.tokens_per_second_overall is None
        assert out.per_request_tokens_per_second[1] is None

    def test_no_prompts_and_a_string_of_them_are_refused(self) -> None:
        with pytest.raises(ValueError, match="prompts"):
            benchmark(steps(), [])
        with pytest.raises(TypeError, match="prompts"):
            benchmark(steps(), "prompt")

    def test_warmup_requests_do_not_count(self) -> None:
        backend = steps(900.0, 900.0, 10.0)
        out = benchmark(backend, ["p"], warmup=2)
        assert out.per_request_latency_ms == [10.0]
        assert len(backend.calls) == 3
        with pytest.raises(ValueError, match="warmup"):
            benchmark(backend, ["p"], warmup=-1)

    def test_the_callers_metadata_is_copied_and_wins(self) -> None:
        given = {"suite": {"name": "v1"}, "machine": "mine"}
        out = benchmark(steps(1.0), ["p"], metadata=given)
        given["suite"]["name"] = "changed"  # type: ignore[index]
        assert out.metadata["suite"] == {"name": "v1"}
        assert out.metadata["machine"] == "mine"

    def test_its_own_clock_is_kept_and_disagreement_flagged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = iter([0.0, 0.100, 1.0, 1.100])
        monkeypatch.setattr("time.perf_counter", lambda: next(clock))
        out = benchmark(steps(96.0, 50.0), ["p", "q"])
        assert out.metadata["wall_latency_ms"] == [pytest.approx(100.0), pytest.approx(100.0)]
        assert out.metadata["clock_disagreements"] == [1]

    def test_the_first_request_is_kept_apart(self) -> None:
        out = benchmark(steps(100.0, 10.0, 20.0), ["p"] * 3)
        assert out.metadata["first_request_latency_ms"] == 100.0
        assert out.metadata["later_requests_latency_ms_mean"] == pytest.approx(15.0)

    def test_prompt_and_generation_rates_come_from_the_servers_durations(self, services: FakeServices) -> None:
        out = benchmark(OllamaBackend("tiny", base_url=services.ollama_url, extra={"quant": "Q8_0"}), ["p", "q"])
        assert out.metadata["prompt_tokens_per_second"] == pytest.approx(PROMPT_TOKENS / 0.4)
        assert out.metadata["generation_tokens_per_second"] == pytest.approx(COMPLETION_TOKENS / 1.5)
        assert out.metadata["quantization"] == "Q8_0"
        assert out.metadata["machine"]["cores"] >= 1

    def test_markdown_and_json_hold_the_figures(self) -> None:
        out = benchmark(steps(10.0), ["p"])
        header, _, row = out.to_markdown().splitlines()
        assert header.count("|") == row.count("|")
        assert "scripted-1" in row
        assert "100.00" in row
        value = json.loads(out.to_json())
        assert value["n"] == 1
        assert value["results"][0]["completion"] == "x"

    def test_plot_draws_into_the_axes_given(self) -> None:
        class Axes:
            def __init__(self) -> None:
                self.drawn: list[str] = []

            def __getattr__(self, name: str) -> Any:
                return lambda *args, **kwargs: self.drawn.append(name)

        axes = Axes()
        assert benchmark(steps(10.0), ["p"]).plot(axes) is axes
        assert "bar" in axes.drawn

    def test_plot_without_matplotlib_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
        with pytest.raises(ImportError, match="pip install matplotlib"):
            benchmark(steps(10.0), ["p"]).plot()

    def test_what_the_backend_raises_goes_through(self) -> None:
        with pytest.raises(ConnectionError):
            benchmark(ScriptedBackend(ConnectionError("gone")), ["p"])
