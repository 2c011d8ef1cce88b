"""Several backends in one: who answers, why, and what happens when that one fails."""

from __future__ import annotations

import re

import pytest
from fake_services import PIECES, Behaviour, FakeServices
from stand_ins import ScriptedBackend

from halfbyte.inference import OllamaBackend, Route, RouterBackend, RouterError
from halfbyte.inference.router import Request


def answering(name: str) -> ScriptedBackend:
    return ScriptedBackend(*[(f"from {name}", 1.0, 1, 1)] * 3, name=name)


def test_the_first_route_that_applies_answers_and_metadata_says_why() -> None:
    router = RouterBackend(
        [Route.longer_than(10, answering("long")), Route.matching(r"\bcode\b", answering("coder"))], answering("other")
    )
    assert router.complete("a prompt of some length with code").completion == "from long"
    matched = router.complete("code")
    assert matched.completion == "from coder"
    assert matched.metadata["answered_by"] == {"name": "coder", "model_id": "coder-1"}
    assert "code" in matched.metadata["why"]
    assert matched.metadata["failures"] == []
    assert router.complete("hi").metadata["why"] == "fallback"


def test_patterns_may_be_compiled_and_functions_choose_too() -> None:
    def is_question(request: Request) -> bool:
        return request.prompt.endswith("?")

    router = RouterBackend(
        [
            Route.matching(re.compile("HELLO", re.IGNORECASE), answering("greeter")),
            Route.where(is_question, answering("answerer")),
            Route.shorter_than(3, answering("short")),
        ],
        answering("other"),
    )
    assert router.complete("say hello").completion == "from greeter"
    assert router.complete("why?").completion == "from answerer"
    assert router.complete("why?").metadata["why"] == "chosen by is_question"
    assert router.complete("yo").completion == "from short"


def test_the_next_in_line_answers_where_one_fails() -> None:
    broken = ScriptedBackend(ConnectionError("gone"), name="broken")
    answer = RouterBackend([Route.longer_than(0, broken)], answering("other")).complete("hi")
    assert answer.completion == "from other"
    assert answer.metadata["failures"] == [{"name": "broken", "model_id": "broken-1", "error": "ConnectionError: gone"}]


def test_when_all_fail_each_is_told_and_the_last_chained() -> None:
    last = TimeoutError("late")
    router = RouterBackend(
        [Route.longer_than(0, ScriptedBackend(ConnectionError("gone"), name="one"))], ScriptedBackend(last, name="two")
    )
    with pytest.raises(RouterError, match=r"one .*gone.*two .*late") as error:
        router.complete("hi")
    assert error.value.__cause__ is last


def test_a_backend_in_several_places_is_asked_once() -> None:
    broken = ScriptedBackend(ConnectionError("gone"), ConnectionError("again"))
    with pytest.raises(RouterError):
        RouterBackend([Route.longer_than(0, broken), Route.longer_than(1, broken)], broken).complete("hi")
    assert len(broken.calls) == 1


def test_tools_go_to_backends_that_take_them(services: FakeServices) -> None:
    capable = OllamaBackend("tiny", base_url=services.ollama_url)
    router = RouterBackend([Route.needing_tools(capable)], answering("plain"))
    messages = [{"role": "user", "content": "weather?"}]
    assert router.supports_tools
    with_tools = router.chat(messages, [{"name": "weather", "parameters": {}}])
    assert with_tools.metadata["why"] == "tools needed"
    assert with_tools.tool_calls[0].name == "weather"
    assert router.chat(messages).content == "from plain"
    assert not RouterBackend([], answering("plain")).supports_tools
    passed_over = RouterBackend([Route.longer_than(0, answering("plain"))], capable)
    assert passed_over.chat(messages, [{"name": "weather", "parameters": {}}]).metadata["failures"] == []


def test_a_stream_falls_back_before_its_first_piece_only(services: FakeServices) -> None:
    server = OllamaBackend("tiny", base_url=services.ollama_url)
    router = RouterBackend([Route.longer_than(0, server)], answering("other"))
    services.behave(Behaviour(status=500), Behaviour(error_after_lines=2))
    assert list(router.stream("hi")) == ["from other"]
    pieces = []
    with pytest.raises(RuntimeError, match="fell over"):
        for piece in router.stream("hi"):
            pieces.append(piece)
    assert pieces == PIECES[:2]


def test_arguments_that_make_no_sense_are_no_failure_of_a_backend() -> None:
    backend = answering("other")
    with pytest.raises(ValueError, match="max_new_tokens"):
        RouterBackend([], backend).complete("hi", max_new_tokens=0)
    assert backend.calls == []


def test_routes_and_fallback_are_checked() -> None:
    with pytest.raises(TypeError, match=r"routes\[0\]"):
        RouterBackend([answering("a")], answering("b"))  # type: ignore[list-item]
    with pytest.raises(TypeError, match="fallback"):
        RouterBackend([], "b")  # type: ignore[arg-type]
