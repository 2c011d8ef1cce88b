"""The types that every backend answers with, and what Backend itself does."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from stand_ins import ScriptedBackend

from halfbyte.inference import Backend, BackendInfo, ChatResult, InferenceResult, ToolCall

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
