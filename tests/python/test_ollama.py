"""An Ollama server, through answers that are given here and through one that is played."""

from __future__ import annotations

import io
import json
import urllib.error
from typing import Any

import pytest
from fake_services import COMPLETION_TOKENS, PIECES, PROMPT_TOKENS, TEXT, THINKING, Behaviour, FakeServices

from halfbyte.inference import DEFAULT_OLLAMA_URL, BackendInfo, OllamaBackend, OllamaError, ToolCall
from halfbyte.inference.local import generate


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
