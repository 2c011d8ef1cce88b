"""OpenAI-style services: where the key comes from, what is sent, retries, streams, and every way it fails."""

from __future__ import annotations

import io
import json
import urllib.error
from pathlib import Path
from typing import Any

import pytest
from fake_services import COMPLETION_TOKENS, PIECES, PROMPT_TOKENS, TEXT, Behaviour, FakeServices

from halfbyte.inference import DEFAULT_OPENAI_URL, BackendInfo, OpenAIBackend, OpenAIError, ToolCall

MESSAGES = [{"role": "user", "content": "hi"}]


class Waits:
    """Stands for time.sleep and remembers."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def backend_of(services: FakeServices, **changes: Any) -> OpenAIBackend:
    return OpenAIBackend("tiny", **{"base_url": services.openai_url, "env_file": None, "sleep": Waits(), **changes})


class TestOpenAIBoilerplate:
    def test_defaults(self) -> None:
        assert OpenAIBackend().info == BackendInfo("openai", "gpt-4o-mini", {"base_url": DEFAULT_OPENAI_URL})

    @pytest.mark.parametrize(
        "arguments",
        [
            {"model_id": ""},
            {"base_url": "api.openai.com"},
            {"timeout": 0},
            {"max_retries": -1},
            {"api": "responses"},
            {"api_key": ""},
        ],
    )
    def test_wrong_arguments_are_refused_by_name(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(arguments))):
            OpenAIBackend(**arguments)


class TestOpenAIKey:
    @pytest.fixture
    def env_file(self, tmp_path: Path) -> Path:
        file = tmp_path / ".env"
        file.write_text("# keys\nOTHER=1\nexport OPENAI_API_KEY='sk-file' # mine\n", encoding="utf-8")
        return file

    def sent(self, services: FakeServices, **changes: Any) -> str | None:
        backend_of(services, **changes).complete("hi")
        authorization: str | None = services.requests[-1]["headers"].get("Authorization")
        return authorization

    def test_the_explicit_key_comes_first(
        self, services: FakeServices, env_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
        assert self.sent(services, api_key="sk-explicit", env_file=env_file) == "Bearer sk-explicit"

    def test_the_file_overrides_the_environment(
        self, services: FakeServices, env_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-environment")
        assert self.sent(services, env_file=env_file) == "Bearer sk-file"

    def test_the_environment_comes_last(
        self, services: FakeServices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-environment\n")
        assert self.sent(services, env_file=tmp_path / "none") == "Bearer sk-environment"

    def test_other_servers_work_without(self, services: FakeServices) -> None:
        assert self.sent(services) is None

    def test_the_original_is_not_asked_without(self) -> None:
        def never(request: Any, timeout: float) -> Any:
            raise AssertionError("sent")

        with pytest.raises(OpenAIError, match="OPENAI_API_KEY"):
            OpenAIBackend(env_file=None, urlopen=never).complete("hi")

    def test_is_shown_nowhere(self, services: FakeServices) -> None:
        backend = backend_of(services, api_key="sk-secret")
        services.behave(Behaviour(status=401))
        with pytest.raises(OpenAIError) as error:
            backend.complete("hi")
        shown = [repr(backend), repr(backend.info), repr(backend.complete("hi")), str(error.value)]
        assert not any("sk-secret" in text for text in shown)

    def test_with_a_line_break_is_refused_without_showing_it(self, services: FakeServices) -> None:
        with pytest.raises(OpenAIError, match="characters") as error:
            backend_of(services, api_key="sk-a\r\nX-Evil: 1").complete("hi")
        assert "Evil" not in str(error.value)

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("OPENAI_API_KEY=plain", "plain"),
            ('OPENAI_API_KEY = "quoted # not a comment"  # comment', "quoted # not a comment"),
            ("OPENAI_API_KEY=first\nOPENAI_API_KEY=last", "last"),
            ("\ufeffOPENAI_API_KEY=windows\r\n", "windows"),
            ("OPENAI_API_KEY=\n", None),
            ("XOPENAI_API_KEY=other\n#OPENAI_API_KEY=off", None),
        ],
    )
    def test_is_read_as_env_files_are_written(self, tmp_path: Path, text: str, key: str | None) -> None:
        from halfbyte.inference._dotenv import read_value

        file = tmp_path / ".env"
        file.write_bytes(text.encode())
        assert read_value(file, "OPENAI_API_KEY") == key


class TestOpenAIRequests:
    def test_complete_sends_a_prompt_as_one_message(self, services: FakeServices) -> None:
        answer = backend_of(services).complete("hi", max_new_tokens=9, temperature=0.5, top_p=0.9)
        assert answer.completion == TEXT
        assert (answer.prompt_tokens, answer.completion_tokens) == (PROMPT_TOKENS, COMPLETION_TOKENS)
        assert answer.metadata["finish_reason"] == "stop"
        (request,) = services.requests
        assert request["path"] == "/v1/chat/completions"
        assert request["body"] == {
            "model": "tiny",
            "messages": [{"role": "user", "content": "hi"}],
            "max_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.9,
        }

    def test_the_original_gets_its_new_name_for_the_limit(self) -> None:
        sent: list[dict[str, Any]] = []

        def urlopen(request: Any, timeout: float) -> Any:
            sent.append(json.loads(request.data))
            return io.BytesIO(b'{"choices": [{"message": {"content": "ok"}, "text": "ok"}]}')

        OpenAIBackend(api_key="sk-test", urlopen=urlopen).complete("hi", max_new_tokens=9)
        OpenAIBackend(api_key="sk-test", urlopen=urlopen, api="completions").complete("hi", max_new_tokens=9)
        assert sent[0]["max_completion_tokens"] == 9
        assert "max_tokens" not in sent[0]
        assert sent[1]["max_tokens"] == 9

    def test_the_older_route_sends_the_prompt_as_it_is(self, services: FakeServices) -> None:
        backend = backend_of(services, api="completions")
        assert backend.complete("hi").completion == TEXT
        assert list(backend.stream("hi")) == PIECES
        assert [request["path"] for request in services.requests] == ["/v1/completions"] * 2
        assert services.requests[0]["body"]["prompt"] == "hi"

    def test_usage_that_is_not_there_is_none(self, services: FakeServices) -> None:
        services.behave(Behaviour(without=("usage",)), Behaviour(without=("usage",)))
        answer = backend_of(services).complete("hi")
        assert (answer.prompt_tokens, answer.completion_tokens) == (None, None)
        assert list(backend_of(services).stream("hi")) == PIECES

    def test_tool_calls_are_parsed_and_go_back(self, services: FakeServices) -> None:
        backend = backend_of(services)
        answer = backend.chat(MESSAGES, [{"name": "weather", "parameters": {"type": "object"}}])
        assert answer.tool_calls == [ToolCall("weather", {"city": "Köln"}, "call_1")]
        assert answer.content == ""
        backend.chat(
            [
                *MESSAGES,
                {"role": "assistant", "content": "", "tool_calls": answer.tool_calls},
                {"role": "tool", "tool_name": "weather", "call_id": "call_1", "content": "rain"},
            ]
        )
        sent = services.requests[1]["body"]["messages"]
        assert sent[1]["tool_calls"] == [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
            }
        ]
        assert sent[2] == {"role": "tool", "tool_call_id": "call_1", "content": "rain"}


class TestOpenAIStream:
    @pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 100_000])
    def test_does_not_care_where_the_network_cuts(self, services: FakeServices, chunk_bytes: int) -> None:
        services.behave(Behaviour(chunk_bytes=chunk_bytes))
        assert list(backend_of(services).stream("hi")) == PIECES

    def test_returns_the_result_with_usage(self, services: FakeServices) -> None:
        stream = backend_of(services).stream("hi")
        with pytest.raises(StopIteration) as end:
            while True:
                next(stream)
        assert end.value.value.completion == TEXT
        assert end.value.value.completion_tokens == COMPLETION_TOKENS
        assert services.requests[0]["body"]["stream_options"] == {"include_usage": True}

    def test_usage_may_come_before_the_last_event(self, services: FakeServices) -> None:
        events = (
            b'data: {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\n'
            b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}\n\n'
        )
        services.behave(Behaviour(body=events))
        stream = backend_of(services).stream("hi")
        assert next(stream) == "a"
        with pytest.raises(StopIteration) as end:
            next(stream)
        assert end.value.value.completion_tokens == 2

    def test_an_error_event_is_raised_after_the_pieces_before_it(self, services: FakeServices) -> None:
        services.behave(Behaviour(error_after_lines=3))
        pieces = []
        with pytest.raises(OpenAIError, match="the model fell over"):
            for piece in backend_of(services).stream("hi"):
                pieces.append(piece)
        assert pieces == PIECES[:2]

    def test_one_that_ends_before_it_is_done_is_an_error(self, services: FakeServices) -> None:
        event = b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": null}]}\n\n'
        services.behave(Behaviour(close_after_bytes=500), Behaviour(body=event))
        with pytest.raises(OpenAIError, match="closed before the answer was complete"):
            list(backend_of(services).stream("hi"))
        with pytest.raises(OpenAIError, match="ended before the reply was done"):
            list(backend_of(services).stream("hi"))


class TestOpenAIRetries:
    def test_429_is_tried_again_after_the_time_the_service_asks_for(self, services: FakeServices) -> None:
        waits = Waits()
        services.behave(Behaviour(status=429, headers={"Retry-After": "7"}))
        answer = backend_of(services, sleep=waits).complete("hi")
        assert answer.completion == TEXT
        assert answer.metadata["tries"] == 2
        assert waits.seconds == [7.0]

    def test_waits_grow_where_the_service_asks_for_none(self, services: FakeServices) -> None:
        waits = Waits()
        services.behave(Behaviour(status=500), Behaviour(status=503))
        assert list(backend_of(services, sleep=waits).stream("hi")) == PIECES
        assert 0.4 <= waits.seconds[0] <= 0.6
        assert 0.8 <= waits.seconds[1] <= 1.2

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("100000", 60.0), ("-5", 0.0), ("Thu, 01 Jan 2015 00:00:00 GMT", 0.0), ("Fri, 01 Jan 2100 00:00:00 GMT", 60.0)],
    )
    def test_the_time_asked_for_is_bounded_and_may_be_a_date(
        self, services: FakeServices, header: str, seconds: float
    ) -> None:
        waits = Waits()
        services.behave(Behaviour(status=429, headers={"Retry-After": header}))
        backend_of(services, sleep=waits).complete("hi")
        assert waits.seconds == [seconds]

    def test_gives_up_after_max_retries(self, services: FakeServices) -> None:
        services.behave(*[Behaviour(status=503)] * 3)
        with pytest.raises(OpenAIError, match=r"503.*after 3 tries.*the server says 503") as error:
            backend_of(services, max_retries=2).complete("hi")
        assert len(services.requests) == 3
        assert isinstance(error.value.__cause__, urllib.error.HTTPError)

    def test_an_answer_without_headers_or_body_is_tried_again_too(self) -> None:
        refusal = urllib.error.HTTPError("http://localhost", 429, "Too Many Requests", None, None)  # type: ignore[arg-type]
        script: list[Any] = [refusal, io.BytesIO(b'{"choices": [{"message": {"content": "ok"}}]}')]

        def urlopen(request: Any, timeout: float) -> Any:
            step = script.pop(0)
            if isinstance(step, Exception):
                raise step
            return step

        backend = OpenAIBackend("tiny", base_url="http://test", env_file=None, urlopen=urlopen, sleep=Waits())
        assert backend.complete("hi").completion == "ok"

    @pytest.mark.parametrize("status", [400, 401, 404])
    def test_the_callers_mistakes_are_not_tried_again(self, services: FakeServices, status: int) -> None:
        services.behave(Behaviour(status=status))
        with pytest.raises(OpenAIError, match=str(status)) as error:
            backend_of(services).complete("hi")
        assert error.value.status == status
        assert len(services.requests) == 1


class TestOpenAIErrors:
    def test_nobody_listening(self, services: FakeServices) -> None:
        url = services.openai_url
        services.shutdown()
        services.server_close()
        with pytest.raises(OpenAIError, match=f"Could not reach OpenAI at {url}") as error:
            OpenAIBackend("tiny", base_url=url, env_file=None).complete("hi")
        assert error.value.__cause__ is not None

    def test_a_silent_server_times_out(self, services: FakeServices) -> None:
        services.behave(Behaviour(is_silent=True))
        with pytest.raises(OpenAIError, match="timed out"):
            backend_of(services, timeout=0.05).complete("hi")

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (b"<html>", "not JSON"),
            (b"[]", "object"),
            (b"{}", "choices"),
            (b'{"choices": []}', "choices"),
            (b'{"choices": [{"finish_reason": "stop"}]}', "message"),
            (b'{"choices": [{"message": {"role": "assistant"}}]}', "text"),
            (b'{"error": {"message": "overloaded"}}', "overloaded"),
        ],
    )
    def test_an_answer_that_lacks_something_says_what(self, services: FakeServices, body: bytes, told: str) -> None:
        services.behave(Behaviour(body=body))
        with pytest.raises(OpenAIError, match=told):
            backend_of(services).complete("hi")

    @pytest.mark.parametrize("call", ["{}", '{"function": {"name": "f", "arguments": "{"}}', '"f"'])
    def test_a_tool_call_that_is_none_is_refused(self, services: FakeServices, call: str) -> None:
        services.behave(Behaviour(body=b'{"choices": [{"message": {"tool_calls": [%b]}}]}' % call.encode()))
        with pytest.raises(OpenAIError, match="tool call") as error:
            backend_of(services).chat(MESSAGES)
        assert error.value.__cause__ is not None
