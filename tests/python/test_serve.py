"""`halfbyte serve`, asked by the official OpenAI client and, where that is too polite, by bare sockets."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_models import scripted_model, tiny_model

PROGRAM = Path(os.environ.get("HALFBYTE_PROGRAM", Path(__file__).parents[2] / "build" / "bin" / "halfbyte"))
PATIENCE_S = 60
MESSAGES = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}


class Server:
    def __init__(self, model: Path, *options: str, **environment: str) -> None:
        command = [PROGRAM, "serve", model, "--port", "0", "--threads", "2", *options]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | environment
        )
        assert self.process.stderr is not None
        self.said = self.process.stderr.readline()
        self.url = self.said.split()[-1]
        self.port = int(self.url.split(":")[2].split("/")[0])

    def client(self, **options: Any) -> Any:
        openai = pytest.importorskip("openai")
        return openai.OpenAI(base_url=self.url, **({"api_key": "none", "max_retries": 0, "timeout": PATIENCE_S} | options))

    def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


def serving(model: Path, *options: str) -> Iterator[Server]:
    server = Server(model, *options)
    yield server
    if server.process.poll() is None:
        assert server.stop() == 0


@pytest.fixture(scope="module")
def scripted() -> Iterator[Server]:
    """Says "Gr", "üß", " dich" to everything."""
    yield from serving(scripted_model("Gr", "üß", " dich"), "--name", "tiny")


@pytest.fixture(scope="module")
def caller() -> Iterator[Server]:
    call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>'
    yield from serving(scripted_model(call), "--name", "tiny")


@pytest.fixture(scope="module")
def endless() -> Iterator[Server]:
    """Random words up to the end of its context; one request at a time."""
    yield from serving(tiny_model(context=100_000), "--name", "tiny", "--ctx", "100000", "--queue", "1")


def chat(client: Any, **options: Any) -> Any:
    return client.chat.completions.create(**({"model": "tiny", "messages": MESSAGES, "temperature": 0} | options))


class TestChat:
    def test_answers(self, scripted: Server) -> None:
        with scripted.client() as client:
            answer = chat(client)
        assert answer.choices[0].message.content == "Grüß dich"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.model == "tiny"
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 3

    def test_streams_the_same_text_and_usage_at_the_end(self, scripted: Server) -> None:
        with scripted.client() as client:
            chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Grüß dich"
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[-1].usage.completion_tokens > 0
        assert len({chunk.id for chunk in chunks}) == 1

    def test_tells_log_probabilities_and_several_choices(self, scripted: Server) -> None:
        with scripted.client() as client:
            answer = chat(client, n=2, logprobs=True, top_logprobs=2)
            chunks = list(chat(client, n=2, logprobs=True, stream=True))
        assert [choice.message.content for choice in answer.choices] == ["Grüß dich"] * 2
        told = answer.choices[0].logprobs.content
        assert [token.token for token in told] == ["Gr", "üß", " dich"]
        assert [len(token.top_logprobs) for token in told] == [2, 2, 2]
        for index in (0, 1):
            mine = [chunk.choices[0] for chunk in chunks if chunk.choices[0].index == index]
            assert "".join(choice.delta.content or "" for choice in mine) == "Grüß dich"
            assert mine[-1].finish_reason == "stop"
            assert [token.token for token in mine[-1].logprobs.content] == ["Gr", "üß", " dich"]

    def test_ends_at_a_stop_and_at_the_length(self, scripted: Server) -> None:
        with scripted.client() as client:
            stopped = chat(client, stop=" d").choices[0]
            cut = chat(client, max_completion_tokens=1).choices[0]
        assert (stopped.message.content, stopped.finish_reason) == ("Grüß", "stop")
        assert (cut.message.content, cut.finish_reason) == ("Gr", "length")

    def test_calls_a_tool_whole_and_streamed(self, caller: Server) -> None:
        with caller.client() as client:
            whole = chat(client, tools=[TOOL]).choices[0]
            chunks = list(chat(client, tools=[TOOL], stream=True))
        (call,) = whole.message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Köln"})
        assert (whole.finish_reason, whole.message.content) == ("tool_calls", None)
        (delta,) = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
        assert (delta.index, delta.function.name, json.loads(delta.function.arguments)) == (0, "weather", {"city": "Köln"})

    def test_keeps_to_a_schema(self, endless: Server) -> None:
        schema = {
            "type": "object",
            "properties": {"answer": {"type": "string", "maxLength": 8}, "sure": {"type": "boolean"}},
            "required": ["answer", "sure"],
            "additionalProperties": False,
        }
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        with endless.client(max_retries=9) as client:  # the place of the test before may not be free yet
            told = json.loads(chat(client, response_format=form, temperature=1, seed=3).choices[0].message.content)
        assert set(told) == {"answer", "sure"}
        assert isinstance(told["sure"], bool)

    def test_the_same_seed_gives_the_same_bytes_and_none_a_new_one(self, endless: Server) -> None:
        with endless.client(max_retries=9) as client:
            replies = [
                chat(client, temperature=1, max_tokens=40, **seed).choices[0].message.content
                for seed in ({"seed": 7}, {"seed": 7}, {}, {})
            ]
        assert replies[0] == replies[1]
        assert len(set(replies)) == 3


class TestCompletion:
    def test_answers_several_prompts_and_streams(self, scripted: Server) -> None:
        with scripted.client() as client:
            answer = client.completions.create(model="tiny", prompt=["a", "b"], temperature=0, logprobs=1)
            chunks = list(client.completions.create(model="tiny", prompt=["a", "b"], temperature=0, stream=True))
        assert [choice.text for choice in answer.choices] == ["Grüß dich"] * 2
        assert answer.choices[0].logprobs.text_offset == [0, 2, 4]
        for index in (0, 1):
            assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices[0].index == index) == "Grüß dich"


class TestModels:
    def test_lists_the_one_that_is_served(self, scripted: Server) -> None:
        with scripted.client() as client:
            assert [model.id for model in client.models.list()] == ["tiny"]
            assert client.models.retrieve("tiny").owned_by == "halfbyte"

    def test_a_path_is_no_name(self, tmp_path: Path) -> None:
        model = tmp_path / "mine.gguf"
        model.symlink_to(scripted_model("a"))
        server = Server(model)
        with server.client() as client:
            assert str(tmp_path) not in client.models.list().model_dump_json()
        assert server.stop() == 0


class TestErrors:
    def test_the_client_sees_them_as_the_originals(self, scripted: Server) -> None:
        openai = pytest.importorskip("openai")
        with scripted.client() as client:
            with pytest.raises(openai.BadRequestError, match="expected a number, 0 to 100") as seen:
                chat(client, temperature=-1)
            assert (seen.value.param, seen.value.type) == ("temperature", "invalid_request_error")
            with pytest.raises(openai.NotFoundError, match="'other' is not served here"):
                chat(client, model="other")
            with pytest.raises(openai.BadRequestError, match="context") as seen:
                chat(client, messages=[{"role": "user", "content": "x" * 100_000}])
            assert seen.value.code == "context_length_exceeded"
            with pytest.raises(openai.BadRequestError, match="cannot be forced yet"):
                chat(client, tools=[TOOL], tool_choice="required")

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b'{"messages": NaN}', b'{"messages": "\xff"}', b"[" * 100_000, b'{"a": 1, "a": 1}']
    )
    def test_bodies_that_are_no_requests(self, scripted: Server, body: bytes) -> None:
        status, answer = scripted.post("/v1/chat/completions", body)
        assert (status, answer["error"]["type"], answer["error"]["param"]) == (400, "invalid_request_error", "body")

    def test_strangers_are_kept_out(self, scripted: Server) -> None:
        assert scripted.post("/v1/chat/completions", b"{}", Host="evil.example")[0] == 403
        assert scripted.post("/v1/chat/completions", b"{}", Origin="https://evil.example")[0] == 403

    def test_a_key_is_needed_where_one_is_set(self) -> None:
        openai = pytest.importorskip("openai")
        server = Server(scripted_model("a"), "--name", "tiny", HALFBYTE_API_KEY="secret")
        with server.client() as client, pytest.raises(openai.AuthenticationError):
            chat(client)
        with server.client(api_key="secret") as client:
            assert chat(client).choices[0].message.content == "a"
        assert "secret" not in server.said
        assert server.stop() == 0

    def test_an_open_address_needs_a_key(self) -> None:
        done = subprocess.run([PROGRAM, "serve", "nosuch", "--host", "0.0.0.0"], capture_output=True, text=True, timeout=PATIENCE_S)
        assert "give --api-key or HALFBYTE_API_KEY, or --insecure-bind" in done.stderr
        assert done.returncode != 0


class TestLifecycle:
    def ask_without_end(self, server: Server, *, stream: bool) -> socket.socket:
        body = json.dumps({"messages": MESSAGES, "ignore_eos": True, "stream": stream}).encode()
        asked = socket.create_connection(("127.0.0.1", server.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        asked.sendall(head.encode() + body)
        return asked

    def is_refused(self, asked: socket.socket, *, stream: bool) -> bool:
        if not stream and not select.select([asked], [], [], 0)[0]:
            return False
        return asked.recv(12) != b"HTTP/1.1 200"

    @pytest.mark.parametrize("stream", [True, False])
    def test_a_full_queue_refuses_at_once_and_a_vanished_client_frees_its_place(self, endless: Server, stream: bool) -> None:
        openai = pytest.importorskip("openai")
        with endless.client() as client:

            def refusal() -> Any:
                try:
                    chat(client, max_tokens=1)
                except openai.InternalServerError as error:
                    return error

            # Whoever asks first has the only place, and that may have been the probe, or the test before.
            deadline = time.monotonic() + PATIENCE_S
            while True:
                assert time.monotonic() < deadline
                asked = self.ask_without_end(endless, stream=stream)
                seen = refusal()
                if seen is not None and refusal() is not None and not self.is_refused(asked, stream=stream):
                    break
                asked.close()
            assert (seen.status_code, seen.response.headers["retry-after"]) == (503, "1")
            asked.close()
            while refusal() is not None:
                assert time.monotonic() < deadline

    def test_sigterm_lets_a_reply_end(self) -> None:
        server = Server(tiny_model(context=4096), "--name", "tiny")
        with server.client() as client:
            stream = chat(client, stream=True, max_tokens=300, temperature=1, seed=1, extra_body={"ignore_eos": True})
            chunks = [next(stream)]
            server.process.send_signal(signal.SIGTERM)
            chunks += list(stream)
        assert chunks[-1].choices[0].finish_reason == "length"
        assert server.process.wait(PATIENCE_S) == 0
        assert server.process.stderr is not None
        server.process.stderr.close()

    def test_many_streams_at_once_are_not_mixed(self, scripted: Server) -> None:
        texts: list[str] = []

        def ask() -> None:
            with scripted.client() as client:
                texts.append("".join(chunk.choices[0].delta.content or "" for chunk in chat(client, stream=True)))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert texts == ["Grüß dich"] * 16
