"""The types, and the backends that course code has always used: local, Ollama, benchmark."""

from __future__ import annotations

import io
import json
import random
import sys
import urllib.error
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from fake_services import (
    COMPLETION_TOKENS,
    PIECES,
    PROMPT_TOKENS,
    TEXT,
    THINKING,
    Behaviour,
    FakeServices,
)
from stand_ins import CharTokenizer, NextLetterModel, ScriptedBackend

from halfbyte.inference import (
    DEFAULT_OLLAMA_URL,
    Backend,
    BackendInfo,
    BenchmarkResult,
    ChatResult,
    InferenceResult,
    LocalTransformerBackend,
    OllamaBackend,
    OllamaError,
    ToolCall,
    benchmark,
)
from halfbyte.inference.local import TokenIds, generate

INFO = BackendInfo(name="kind", model_id="model")


def result(**changes: Any) -> InferenceResult:
    fields: dict[str, Any] = {
        "prompt": "p",
        "completion": "c",
        "prompt_tokens": 10,
        "completion_tokens": 100,
        "latency_ms": 500.0,
        "backend": INFO,
    }
    return InferenceResult(**{**fields, **changes})


class TestBackendInfoBoilerplate:
    def test_is_equal_by_value_and_hashable(self) -> None:
        same = BackendInfo(name="kind", model_id="model")
        assert same == INFO
        assert hash(same) == hash(INFO)
        assert BackendInfo(name="kind", model_id="model", extra={"quant": "Q4_K_M"}) != INFO

    def test_fields_cannot_be_assigned(self) -> None:
        with pytest.raises(FrozenInstanceError):
            INFO.name = "other"  # type: ignore[misc]

    def test_each_has_a_dict_of_its_own(self) -> None:
        given = {"quant": "Q4_K_M"}
        one, other = BackendInfo("a", "x", given), BackendInfo("b", "y")
        one.extra["more"] = 1
        assert given == {"quant": "Q4_K_M"}
        assert other.extra == {}

    @pytest.mark.parametrize("field", ["name", "model_id"])
    @pytest.mark.parametrize("value", ["", 42, None])
    def test_an_empty_or_wrong_name_is_refused_by_its_field(self, field: str, value: object) -> None:
        with pytest.raises(ValueError, match=field):
            BackendInfo(**{"name": "a", "model_id": "b", field: value})  # type: ignore[arg-type]


class TestInferenceResultBoilerplate:
    @pytest.mark.parametrize("field", ["prompt_tokens", "completion_tokens", "latency_ms"])
    def test_a_negative_figure_is_refused_by_its_field(self, field: str) -> None:
        with pytest.raises(ValueError, match=field):
            result(**{field: -1})

    def test_a_latency_that_is_no_number_is_refused(self) -> None:
        with pytest.raises(ValueError, match="latency_ms"):
            result(latency_ms=float("nan"))

    def test_a_count_may_be_any_integer_and_nothing_else(self) -> None:
        class Integer:
            def __index__(self) -> int:
                return 7

        assert result(completion_tokens=Integer()).completion_tokens == 7
        for wrong in (1.5, "3", True):
            with pytest.raises(TypeError, match="completion_tokens"):
                result(completion_tokens=wrong)

    def test_counts_may_be_unknown(self) -> None:
        unknown = result(prompt_tokens=None, completion_tokens=None)
        assert unknown.prompt_tokens is None
        assert unknown.completion_tokens is None

    def test_each_has_metadata_of_its_own(self) -> None:
        one, other = result(), result()
        one.metadata["key"] = "value"
        assert other.metadata == {}

    def test_tokens_per_second_is_tokens_over_latency(self) -> None:
        assert result().tokens_per_second == pytest.approx(200.0)

    @pytest.mark.parametrize("changes", [{"completion_tokens": None}, {"completion_tokens": 0}, {"latency_ms": 0.0}])
    def test_tokens_per_second_is_none_where_there_is_no_rate(self, changes: dict[str, Any]) -> None:
        assert result(**changes).tokens_per_second is None


class TestBackendBoilerplate:
    def test_has_exactly_two_abstract_members(self) -> None:
        assert Backend.__abstractmethods__ == {"info", "complete"}
        with pytest.raises(TypeError):
            Backend()  # type: ignore[abstract]

    def test_a_transcript_has_the_texts_of_content_in_parts(self) -> None:
        backend = ScriptedBackend(("x", 1.0, 1, 1))
        parts: list[Any] = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
        backend.chat([{"role": "user", "content": parts}])
        assert backend.calls[0]["prompt"] == "User: one\ntwo\nAssistant:"
        with pytest.raises(ValueError, match=r"messages\[0\]\.content\[2\]: expected a part of type 'text' .*'image_url'"):
            backend.chat([{"role": "user", "content": [*parts, {"type": "image_url"}]}])

    def test_a_tool_call_is_a_dict_and_has_attributes(self) -> None:
        call = ToolCall("weather", {"city": "Köln"}, "call_0")
        assert call == {"name": "weather", "arguments": {"city": "Köln"}, "call_id": "call_0"}
        assert (call.name, call.arguments["city"], call.call_id) == ("weather", "Köln", "call_0")

    def test_a_chat_result_refuses_negative_counts(self) -> None:
        with pytest.raises(ValueError, match="completion_tokens"):
            ChatResult([], "", [], None, 1, -1, 1.0, INFO)


class TestLocalBoilerplate:
    def test_defaults(self) -> None:
        model, tokenizer = NextLetterModel(), CharTokenizer()
        backend = LocalTransformerBackend(model, tokenizer)
        assert backend.info == BackendInfo(name="local", model_id="g2c-local")
        assert backend.model is model
        assert backend.tokenizer is tokenizer

    def test_names_and_extra_reach_the_info(self) -> None:
        backend = LocalTransformerBackend(
            NextLetterModel(), CharTokenizer(), model_id="mine-20m", name="lab", extra={"dtype": "f32"}
        )
        assert backend.info == BackendInfo("lab", "mine-20m", {"dtype": "f32"})
        assert "LocalTransformerBackend" in repr(backend)
        assert "mine-20m" in repr(backend)

    def test_a_missing_model_or_tokenizer_is_refused(self) -> None:
        with pytest.raises(ValueError, match="model"):
            LocalTransformerBackend(None, CharTokenizer())
        with pytest.raises(ValueError, match="tokenizer"):
            LocalTransformerBackend(NextLetterModel(), None)

    @pytest.mark.parametrize("method", ["encode", "decode"])
    def test_a_tokenizer_without_a_method_is_refused_by_its_name(self, method: str) -> None:
        half = type("Half", (), {name: lambda self, x: x for name in {"encode", "decode"} - {method}})
        with pytest.raises(TypeError, match=method):
            LocalTransformerBackend(NextLetterModel(), half())

    @pytest.mark.parametrize("eos_id", ["end", 1.0, True])
    def test_an_end_token_that_is_no_int_is_refused(self, eos_id: Any) -> None:
        with pytest.raises(TypeError, match="eos_id"):
            LocalTransformerBackend(NextLetterModel(), CharTokenizer(), eos_id=eos_id)


class TestLocalGenerate:
    def test_returns_the_prompt_and_its_continuation(self) -> None:
        ids = generate(NextLetterModel(), [97, 98], max_new_tokens=3, temperature=0.0)
        assert ids == [97, 98, 99, 100, 101]
        assert ids.shape == (5,)

    def test_ends_with_the_end_token_which_is_part_of_it(self) -> None:
        assert generate(NextLetterModel(), [97], max_new_tokens=9, temperature=0.0, eos_id=99) == [97, 98, 99]

    def test_shows_the_model_its_last_max_seq_len_ids(self) -> None:
        model = NextLetterModel()
        generate(model, list(range(97, 107)), max_new_tokens=2, temperature=0.0)
        assert model.seen == [[list(range(99, 107))], [list(range(100, 108))]]

    def test_temperature_zero_takes_the_lowest_of_equal_ids(self) -> None:
        model = NextLetterModel()
        model._row = lambda last: [0.0, 5.0, 5.0]  # type: ignore[method-assign]
        assert generate(model, [0], max_new_tokens=1, temperature=0.0) == [0, 1]

    def test_top_k_of_one_is_greedy(self) -> None:
        ids = generate(NextLetterModel(), [97], max_new_tokens=5, temperature=100.0, top_k=1)
        assert ids == [97, 98, 99, 100, 101, 102]

    def test_top_p_keeps_the_tokens_that_hold_the_probability(self) -> None:
        random.seed(1)
        ids = generate(NextLetterModel(), [97], max_new_tokens=20, temperature=1.0, top_p=0.7)
        assert ids == list(range(97, 118))

    def test_sampling_reaches_more_than_one_token_and_repeats_with_the_seed(self) -> None:
        drawn = []
        for _ in range(2):
            random.seed(7)
            drawn.append(generate(NextLetterModel(), [97], max_new_tokens=30, temperature=1.0, top_k=2))
        steps = {after - before for before, after in zip(drawn[0], drawn[0][1:], strict=False)}
        assert steps == {1, 2}
        assert drawn[0] == drawn[1]

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_logits_that_are_no_numbers_give_no_token(self, bad: float) -> None:
        model = NextLetterModel()
        model._row = lambda last: [0.0, bad, 1.0]  # type: ignore[method-assign]
        with pytest.raises(RuntimeError, match="finite"):
            generate(model, [0], max_new_tokens=1, temperature=1.0)

    def test_minus_infinity_rules_a_token_out(self) -> None:
        model = NextLetterModel()
        model._row = lambda last: [float("-inf"), 0.0, float("-inf")]  # type: ignore[method-assign]
        assert generate(model, [0], max_new_tokens=3, temperature=2.0) == [0, 1, 1, 1]

    def test_a_model_without_max_seq_len_is_refused(self) -> None:
        with pytest.raises(TypeError, match="max_seq_len"):
            generate(lambda batch: [[[1.0]]], [0], max_new_tokens=1)

    def test_no_ids_or_two_dimensions_are_refused(self) -> None:
        with pytest.raises(ValueError, match="prompt_ids"):
            generate(NextLetterModel(), [], max_new_tokens=1)
        with pytest.raises(ValueError, match="prompt_ids"):
            generate(NextLetterModel(), TokenIds([TokenIds([1])]), max_new_tokens=1)


class TestLocalComplete:
    def test_the_completion_is_what_comes_after_the_prompt(self) -> None:
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
        answer = backend.complete("ab", max_new_tokens=3, temperature=0.0)
        assert (answer.prompt, answer.completion) == ("ab", "cde")
        assert (answer.prompt_tokens, answer.completion_tokens) == (2, 3)
        assert answer.backend is backend.info
        assert answer.latency_ms > 0

    def test_metadata_has_the_sampling_and_the_end_token(self) -> None:
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer(), eos_id=100)
        answer = backend.complete("ab", max_new_tokens=8, temperature=0.5, top_k=1, top_p=0.9)
        assert answer.metadata["sampling"] == {"max_new_tokens": 8, "temperature": 0.5, "top_k": 1, "top_p": 0.9}
        assert answer.metadata["eos_id"] == 100
        assert answer.metadata["finish_reason"] == "stop"
        assert answer.completion == "cd"

    def test_calls_the_modules_generate_and_cuts_by_token_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        called: dict[str, Any] = {}

        def scripted(model: Any, prompt_ids: Any, **options: Any) -> list[int]:
            called.update(options, prompt_ids=prompt_ids)
            return [104, 105, 33, 34]

        monkeypatch.setattr("halfbyte.inference.local.generate", scripted)
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer(), eos_id=42)
        answer = backend.complete("hi", max_new_tokens=8, temperature=0.5, top_k=20, top_p=0.9)
        assert answer.completion == '!"'
        assert called["prompt_ids"].dim() == 1
        assert {**called, "prompt_ids": None} == {
            "max_new_tokens": 8,
            "temperature": 0.5,
            "top_k": 20,
            "top_p": 0.9,
            "eos_id": 42,
            "prompt_ids": None,
        }

    def test_takes_tokenizers_that_answer_with_an_encoding(self) -> None:
        class Encoding:
            ids = [97, 98]

        class HuggingFaceLike(CharTokenizer):
            def encode(self, text: str) -> Any:
                return Encoding()

        answer = LocalTransformerBackend(NextLetterModel(), HuggingFaceLike()).complete(
            "ab", max_new_tokens=1, temperature=0.0
        )
        assert answer.completion == "c"

    def test_a_prompt_that_makes_no_tokens_is_refused(self) -> None:
        class Deaf(CharTokenizer):
            def encode(self, text: str) -> list[int]:
                return []

        with pytest.raises(ValueError, match="prompt"):
            LocalTransformerBackend(NextLetterModel(), Deaf()).complete("ab")

    def test_streams_a_character_only_when_all_its_bytes_are_there(self) -> None:
        class Bytes:
            def encode(self, text: str) -> list[int]:
                return list(text.encode())

            def decode(self, ids: list[int]) -> str:
                return bytes(ids).decode("utf-8", "replace")

        spelled = list("aé🌍".encode())
        model = NextLetterModel()
        model._row = lambda last: [float(i == after.get(last)) for i in range(256)]  # type: ignore[method-assign]
        after = dict(zip(spelled, [*spelled[1:], 0], strict=True))
        backend = LocalTransformerBackend(model, Bytes())
        pieces = list(backend.stream("a", max_new_tokens=len(spelled) - 1, temperature=0.0))
        assert pieces == ["é", "🌍"]

    def test_log_likelihood_prefers_what_the_model_expects(self) -> None:
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
        assert backend.log_likelihood("ab", "cd") > backend.log_likelihood("ab", "de") > backend.log_likelihood("ab", "xy")
        assert backend.log_likelihood("ab", "cd") == pytest.approx(2 * backend.log_likelihood("ab", "c"))

    def test_log_likelihood_refuses_what_the_model_cannot_read(self) -> None:
        with pytest.raises(ValueError, match="prompt"):
            LocalTransformerBackend(NextLetterModel(), CharTokenizer()).log_likelihood("abcdef", "ghij")

    def test_does_without_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)  # importing it fails
        backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
        assert backend.complete("ab", max_new_tokens=1, temperature=0.0).completion == "c"


class TestLocalWithTorch:
    def test_a_module_gets_long_tensors_and_its_mode_back(self) -> None:
        torch = pytest.importorskip("torch")
        seen: list[Any] = []

        class Next(torch.nn.Module):  # type: ignore[misc, name-defined]
            max_seq_len = 4

            def __init__(self) -> None:
                super().__init__()
                self.scale = torch.nn.Parameter(torch.ones(1))

            def forward(self, ids: Any) -> Any:
                seen.append((tuple(ids.shape), ids.dtype, self.training, torch.is_grad_enabled()))
                return torch.nn.functional.one_hot((ids + 1) % 256, 256) * self.scale * 20

        model = Next()
        ids = generate(model, torch.tensor([97, 98]), max_new_tokens=3, temperature=0.0)
        assert ids.dtype == torch.long
        assert ids.tolist() == [97, 98, 99, 100, 101]
        assert seen[-1] == ((1, 4), torch.long, False, False)
        assert model.training

        backend = LocalTransformerBackend(model, CharTokenizer())
        assert backend.complete("ab", max_new_tokens=2, temperature=0.0).completion == "cd"
        drawn = []
        for _ in range(2):
            torch.manual_seed(3)
            drawn.append(backend.complete("ab", max_new_tokens=9, temperature=20.0).completion)
        assert drawn[0] == drawn[1]


class Response(io.BytesIO):
    """What urlopen gives: a body in a with block."""


def answering(value: object, captured: list[dict[str, Any]] | None = None) -> Any:
    def urlopen(request: Any, timeout: float) -> Response:
        if captured is not None:
            captured.append(
                {
                    "url": request.full_url,
                    "method": request.get_method(),
                    "headers": {name.lower(): text for name, text in request.header_items()},
                    "body": json.loads(request.data),
                    "timeout": timeout,
                }
            )
        return Response(value if isinstance(value, bytes) else json.dumps(value).encode())

    return urlopen


def raising(error: Exception) -> Any:
    def urlopen(request: Any, timeout: float) -> Response:
        raise error

    return urlopen


class TestOllamaBoilerplate:
    def test_defaults(self) -> None:
        backend = OllamaBackend()
        assert DEFAULT_OLLAMA_URL == "http://localhost:11434"
        assert backend.base_url == DEFAULT_OLLAMA_URL
        assert backend.info == BackendInfo("ollama", "llama3.2:3b", {"base_url": DEFAULT_OLLAMA_URL})

    def test_the_address_loses_its_trailing_slash_and_stands_in_the_info(self) -> None:
        backend = OllamaBackend("foo:bar", base_url="http://example.com:8080/", extra={"quant": "Q4_K_M"})
        assert backend.base_url == "http://example.com:8080"
        assert backend.info.extra == {"quant": "Q4_K_M", "base_url": "http://example.com:8080"}
        assert "OllamaBackend" in repr(backend)
        assert "foo:bar" in repr(backend)

    @pytest.mark.parametrize(
        "arguments",
        [{"model_id": ""}, {"base_url": ""}, {"base_url": "localhost:11434"}, {"timeout": 0.0}, {"timeout": -1.0}],
    )
    def test_wrong_arguments_are_refused_by_name(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(arguments))):
            OllamaBackend(**arguments)


class TestOllamaRequest:
    def test_posts_a_generate_request(self) -> None:
        captured: list[dict[str, Any]] = []
        backend = OllamaBackend(
            "x:1", base_url="http://test:99", timeout=37.5, urlopen=answering({"response": "ok"}, captured)
        )
        backend.complete("the prompt", max_new_tokens=42, temperature=0.5)
        (request,) = captured
        assert (request["method"], request["url"]) == ("POST", "http://test:99/api/generate")
        assert request["headers"]["content-type"] == "application/json"
        assert request["timeout"] == 37.5
        assert request["body"] == {
            "model": "x:1",
            "prompt": "the prompt",
            "stream": False,
            "options": {"num_predict": 42, "temperature": 0.5},
        }

    def test_sends_limits_only_where_they_are_set(self) -> None:
        captured: list[dict[str, Any]] = []
        backend = OllamaBackend("x:1", urlopen=answering({"response": "ok"}, captured), think="low")
        backend.complete("hi", top_k=20, top_p=0.9)
        assert captured[0]["body"]["options"]["top_k"] == 20
        assert captured[0]["body"]["options"]["top_p"] == 0.9
        assert captured[0]["body"]["think"] == "low"

    def test_counts_that_are_not_there_are_none(self) -> None:
        answer = OllamaBackend("x:1", urlopen=answering({"response": "ok", "done": True})).complete("hi")
        assert answer.prompt_tokens is None
        assert answer.completion_tokens is None
        assert answer.metadata["server_total_duration_ms"] is None


class TestOllamaServer:
    def test_complete_reads_text_counts_and_durations(self, services: FakeServices) -> None:
        answer = OllamaBackend("tiny", base_url=services.ollama_url).complete("hi", max_new_tokens=9, top_k=3)
        assert answer.completion == TEXT
        assert (answer.prompt_tokens, answer.completion_tokens) == (PROMPT_TOKENS, COMPLETION_TOKENS)
        assert answer.metadata["sampling"]["max_new_tokens"] == 9
        assert answer.metadata["server_total_duration_ms"] == pytest.approx(2000.0)
        assert answer.metadata["server_load_duration_ms"] == pytest.approx(100.0)
        assert answer.metadata["server_prompt_eval_duration_ms"] == pytest.approx(400.0)
        assert answer.metadata["server_eval_duration_ms"] == pytest.approx(1500.0)

    def test_stream_gives_the_pieces_as_lines_come(self, services: FakeServices) -> None:
        assert list(OllamaBackend("tiny", base_url=services.ollama_url).stream("hi")) == PIECES

    @pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 100_000])
    def test_stream_does_not_care_where_the_network_cuts(self, services: FakeServices, chunk_bytes: int) -> None:
        services.behave(Behaviour(chunk_bytes=chunk_bytes))
        assert list(OllamaBackend("tiny", base_url=services.ollama_url).stream("hi")) == PIECES

    def test_stream_waits_for_a_slow_server(self, services: FakeServices) -> None:
        services.behave(Behaviour(pause_seconds=0.01))
        assert list(OllamaBackend("tiny", base_url=services.ollama_url).stream("hi")) == PIECES

    def test_a_stream_may_be_closed_before_its_end(self, services: FakeServices) -> None:
        stream = OllamaBackend("tiny", base_url=services.ollama_url).stream("hi")
        assert next(stream) == PIECES[0]
        stream.close()
        assert list(stream) == []

    def test_chat_with_tools_reads_the_calls(self, services: FakeServices) -> None:
        backend = OllamaBackend("tiny", base_url=services.ollama_url)
        answer = backend.chat_with_tools(
            [{"role": "user", "content": "How is the weather?"}], [{"name": "weather", "parameters": {"type": "object"}}]
        )
        assert answer.tool_calls == [{"name": "weather", "arguments": {"city": "Köln"}, "call_id": "call_0"}]
        body = services.requests[0]["body"]
        assert services.requests[0]["path"] == "/api/chat"
        assert body["stream"] is False
        assert body["options"] == {"num_predict": 512, "temperature": 0.2}
        assert body["tools"] == [
            {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
        ]

    def test_tool_calls_go_back_in_the_servers_form(self, services: FakeServices) -> None:
        call = ToolCall("weather", {"city": "Köln"}, "call_0")
        OllamaBackend("tiny", base_url=services.ollama_url).chat(
            [
                {"role": "user", "content": "How is the weather?"},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "tool_name": "weather", "call_id": "call_0", "content": "rain"},
            ]
        )
        sent = services.requests[0]["body"]["messages"]
        assert sent[1]["tool_calls"] == [{"function": {"name": "weather", "arguments": {"city": "Köln"}}}]
        assert sent[2] == {"role": "tool", "tool_name": "weather", "tool_call_id": "call_0", "content": "rain"}

    def test_thinking_is_apart_from_the_content(self, services: FakeServices) -> None:
        backend = OllamaBackend("tiny", base_url=services.ollama_url, think=True)
        answer = backend.chat([{"role": "user", "content": "hi"}])
        assert (answer.content, answer.thinking) == (TEXT, THINKING)


class TestOllamaErrors:
    def backend(self, services: FakeServices, **changes: Any) -> OllamaBackend:
        return OllamaBackend("tiny", base_url=services.ollama_url, **changes)

    def test_a_refused_connection_says_where_and_what_to_run(self) -> None:
        cause = urllib.error.URLError(ConnectionRefusedError("refused"))
        with pytest.raises(OllamaError, match=r"Could not reach Ollama at http://localhost:11434.*ollama serve") as error:
            OllamaBackend("x:1", urlopen=raising(cause)).complete("hi")
        assert error.value.__cause__ is cause

    def test_nobody_listening_is_the_same_error(self, services: FakeServices) -> None:
        url = services.ollama_url
        services.shutdown()
        services.server_close()
        with pytest.raises(OllamaError, match="Could not reach Ollama") as error:
            OllamaBackend("x:1", base_url=url).complete("hi")
        assert isinstance(error.value.__cause__, urllib.error.URLError)

    def test_an_http_status_is_told_with_what_the_server_said(self, services: FakeServices) -> None:
        services.behave(Behaviour(status=404))
        with pytest.raises(OllamaError, match=r"404.*the server says 404.*ollama pull tiny") as error:
            self.backend(services).complete("hi")
        assert isinstance(error.value.__cause__, urllib.error.HTTPError)
        assert error.value.status == 404

    def test_an_http_status_without_a_body_is_told(self) -> None:
        cause = urllib.error.HTTPError("http://localhost", 500, "Internal Server Error", None, None)  # type: ignore[arg-type]
        with pytest.raises(OllamaError, match="500") as error:
            OllamaBackend("x:1", urlopen=raising(cause)).complete("hi")
        assert error.value.__cause__ is cause

    def test_an_answer_that_is_not_json_is_refused(self, services: FakeServices) -> None:
        services.behave(Behaviour(body=b"<html>proxy</html>"))
        with pytest.raises(OllamaError, match="not JSON") as error:
            self.backend(services).complete("hi")
        assert isinstance(error.value.__cause__, ValueError)

    def test_json_that_is_no_object_is_refused(self, services: FakeServices) -> None:
        services.behave(Behaviour(body=b"[1, 2]"))
        with pytest.raises(OllamaError, match="object"):
            self.backend(services).complete("hi")

    def test_an_answer_without_response_is_refused(self, services: FakeServices) -> None:
        services.behave(Behaviour(without=("response",)), Behaviour(without=("message",)))
        with pytest.raises(OllamaError, match="response"):
            self.backend(services).complete("hi")
        with pytest.raises(OllamaError, match="message"):
            self.backend(services).chat([{"role": "user", "content": "hi"}])

    @pytest.mark.parametrize("is_stream", [False, True])
    def test_a_silent_server_times_out(self, services: FakeServices, is_stream: bool) -> None:
        services.behave(Behaviour(is_silent=True))
        backend = self.backend(services, timeout=0.05)
        with pytest.raises(OllamaError, match=r"timed out.*0\.05 s") as error:
            list(backend.stream("hi")) if is_stream else backend.complete("hi")
        assert error.value.__cause__ is not None

    def test_a_time_out_inside_urlerror_is_a_time_out(self) -> None:
        cause = urllib.error.URLError(TimeoutError("timed out"))
        with pytest.raises(OllamaError, match="no byte for 120 s"):
            OllamaBackend("x:1", urlopen=raising(cause)).complete("hi")

    def test_an_answer_cut_short_is_refused(self, services: FakeServices) -> None:
        services.behave(Behaviour(close_after_bytes=20))
        with pytest.raises(OllamaError, match="closed before the answer was complete") as error:
            self.backend(services).complete("hi")
        assert error.value.__cause__ is not None

    def test_an_error_line_inside_a_stream_is_raised_after_the_pieces_before_it(self, services: FakeServices) -> None:
        services.behave(Behaviour(error_after_lines=2))
        pieces = []
        with pytest.raises(OllamaError, match="the model fell over"):
            for piece in self.backend(services).stream("hi"):
                pieces.append(piece)
        assert pieces == PIECES[:2]

    def test_a_stream_that_ends_before_it_is_done_is_an_error(self, services: FakeServices) -> None:
        services.behave(Behaviour(close_after_bytes=250))
        with pytest.raises(OllamaError, match="closed before the answer was complete"):
            list(self.backend(services).stream("hi"))
        services.behave(Behaviour(body=b'{"response": "a", "done": false}\n'))
        with pytest.raises(OllamaError, match="ended before the reply was done"):
            list(self.backend(services).stream("hi"))

    def test_a_stream_line_that_is_not_json_is_refused(self, services: FakeServices) -> None:
        services.behave(Behaviour(body=b'{"response": "a"\n{"response": "b"}\n'))
        with pytest.raises(OllamaError, match="not JSON"):
            list(self.backend(services).stream("hi"))

    def test_a_redirect_is_an_error_and_not_followed(self, services: FakeServices) -> None:
        services.behave(Behaviour(status=302, headers={"Location": services.ollama_url + "/api/tags"}))
        with pytest.raises(OllamaError, match="302"):
            self.backend(services).complete("hi")
        assert len(services.requests) == 1

    def test_a_tool_call_without_a_name_is_refused(self) -> None:
        answer = {"message": {"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}}
        with pytest.raises(OllamaError, match="tool call 0"):
            OllamaBackend("x:1", urlopen=answering(answer)).chat([{"role": "user", "content": "hi"}])


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
