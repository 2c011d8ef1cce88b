"""A loopback server that speaks the wire formats of Ollama and OpenAI, and misbehaves as it is told.

It answers every prompt with PIECES. Each request takes the next `Behaviour` in line, or behaves well. What it was asked
stands in `requests`.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECES = ["Grüß", " dich", ", ", "Welt ", "🌍"]
TEXT = "".join(PIECES)
THINKING = "The user greets."
PROMPT_TOKENS = 4
COMPLETION_TOKENS = 5
OLLAMA_DURATIONS_NS = {
    "total_duration": 2_000_000_000,
    "load_duration": 100_000_000,
    "prompt_eval_duration": 400_000_000,
    "eval_duration": 1_500_000_000,
}
CREATED = 1_750_000_000
CREATED_TEXT = "2026-01-01T00:00:00.000000Z"


@dataclass(frozen=True)
class Behaviour:
    """What is wrong with one answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # in place of the right one
    without: tuple[str, ...] = ()  # fields left out of the answer, or of each line
    chunk_bytes: int | None = None  # the stream is sent in chunks of this size, wherever they cut
    pause_seconds: float = 0.0  # before each chunk
    close_after_bytes: int | None = None  # the connection closes there, in the middle of the answer
    is_cut: bool = False  # the stream's last chunk announces more than comes before the connection closes
    error_after_lines: int | None = None  # then comes an error line, and the end, although the status was 200
    is_silent: bool = False  # no answer until the server stops


class FakeServices(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviours: deque[Behaviour] = deque()
        self.requests: list[dict[str, Any]] = []
        self.stopped = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is what some tests are about."""

    @property
    def ollama_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def openai_url(self) -> str:
        return f"{self.ollama_url}/v1"

    def behave(self, *behaviours: Behaviour) -> None:
        self.behaviours.extend(behaviours)


@contextmanager
def running_services() -> Iterator[FakeServices]:
    server = FakeServices()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeServices

    def log_message(self, format: str, *args: Any) -> None:
        """Tests look at `requests`."""

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, Any]) -> None:
        self.server.requests.append(
            {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        )
        behaviour = self.server.behaviours.popleft() if self.server.behaviours else Behaviour()
        if behaviour.is_silent:
            self.server.stopped.wait(30)
            self.close_connection = True
            return
        if behaviour.status != 200:
            self._send_whole(behaviour, behaviour.body or self._error_body(behaviour.status))
            return
        route = {
            "/api/tags": self._tags,
            "/v1/models": self._models,
            "/api/generate": self._generate,
            "/api/chat": self._ollama_chat,
            "/api/embed": self._embed,
            "/v1/embeddings": self._embed,
            "/v1/chat/completions": self._openai_chat,
            "/v1/completions": self._openai_completion,
        }.get(self.path)
        if route is None:
            self._send_whole(Behaviour(status=404), b"404 page not found")
            return
        route(body, behaviour)

    def _error_body(self, status: int) -> bytes:
        message = f"the server says {status}"
        if self.path.startswith("/v1/"):
            return json.dumps({"error": {"message": message, "type": "t", "param": None, "code": None}}).encode()
        return json.dumps({"error": message}).encode()

    # Transport

    def _send_whole(self, behaviour: Behaviour, body: bytes) -> None:
        body = behaviour.body if behaviour.body is not None else body
        self.send_response(behaviour.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in behaviour.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if behaviour.close_after_bytes is not None:
            body = body[: behaviour.close_after_bytes]
            self.close_connection = True
        self.wfile.write(body)

    def _send_stream(self, behaviour: Behaviour, content_type: str, lines: list[bytes]) -> None:
        """Chunked: one chunk per line, unless the behaviour cuts elsewhere."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunks = lines
        if behaviour.body is not None:
            chunks = [behaviour.body]
        if behaviour.chunk_bytes or behaviour.close_after_bytes is not None:
            whole = b"".join(chunks)[: behaviour.close_after_bytes]
            step = behaviour.chunk_bytes or len(whole) or 1
            chunks = [whole[i : i + step] for i in range(0, len(whole), step)]
        for chunk in chunks:
            if behaviour.pause_seconds:
                self.server.stopped.wait(behaviour.pause_seconds)
            end = b"" if behaviour.is_cut else b"\r\n"
            self.wfile.write(b"%x\r\n%b%b" % (len(chunk) + 10 * behaviour.is_cut, chunk, end))
            self.wfile.flush()
        if behaviour.close_after_bytes is not None or behaviour.is_cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _send_object(self, behaviour: Behaviour, value: dict[str, Any]) -> None:
        self._send_whole(behaviour, json.dumps(_left(value, behaviour)).encode())

    def _embed(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        self._send_object(behaviour, {"embeddings": [[1.0]], "data": [{"index": 0, "embedding": [1.0]}]})

    # Ollama: JSON, or one object per line

    def _tags(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        models = [{"name": name, "model": name, "size": 1, "digest": "0" * 64} for name in ("tiny:1b", "llama3.2:3b")]
        self._send_object(behaviour, {"models": models})

    def _generate(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        self._ollama_answer(body, behaviour, [{"response": piece} for piece in PIECES], {"response": TEXT})

    def _ollama_chat(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": TEXT}
        if body.get("think"):
            message["thinking"] = THINKING
        if body.get("tools"):
            name = body["tools"][0]["function"]["name"]
            call = {"function": {"index": 0, "name": name, "arguments": {"city": "Köln"}}}
            message = {**message, "content": "", "tool_calls": [call]}
        pieces = [{"message": {"role": "assistant", "content": piece}} for piece in PIECES]
        self._ollama_answer(body, behaviour, pieces, {"message": message})

    def _ollama_answer(
        self, body: dict[str, Any], behaviour: Behaviour, pieces: list[dict[str, Any]], whole: dict[str, Any]
    ) -> None:
        common = {"model": body["model"], "created_at": CREATED_TEXT}
        counts = {"prompt_eval_count": PROMPT_TOKENS, "eval_count": COMPLETION_TOKENS, **OLLAMA_DURATIONS_NS}
        end = {"done": True, "done_reason": "stop", **counts}
        if body.get("stream") is False:
            self._send_object(behaviour, {**common, **whole, **end})
            return
        empty = {key: "" if key == "response" else {"role": "assistant", "content": ""} for key in whole}
        values = [{**common, **piece, "done": False} for piece in pieces] + [{**common, **empty, **end}]
        if behaviour.error_after_lines is not None:
            values[behaviour.error_after_lines :] = [{"error": "the model fell over"}]
        lines = [json.dumps(_left(value, behaviour), ensure_ascii=False).encode() + b"\n" for value in values]
        self._send_stream(behaviour, "application/x-ndjson", lines)

    # OpenAI: JSON, or server-sent events

    def _models(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        data = [{"id": "tiny:1b", "object": "model", "created": CREATED, "owned_by": "library"}]
        self._send_object(behaviour, {"object": "list", "data": data})

    def _openai_chat(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        message: dict[str, Any] = {"role": "assistant", "content": TEXT}
        finish_reason = "stop"
        if body.get("tools"):
            name = body["tools"][0]["function"]["name"]
            function = {"name": name, "arguments": json.dumps({"city": "Köln"})}
            message = {**message, "content": None}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
            finish_reason = "tool_calls"
        deltas: list[dict[str, Any]] = [{"role": "assistant"}, *({"content": piece} for piece in PIECES)]
        self._openai_answer(
            body,
            behaviour,
            "chat.completion",
            {"message": message, "finish_reason": finish_reason},
            [{"delta": delta, "finish_reason": None} for delta in deltas] + [{"delta": {}, "finish_reason": "stop"}],
        )

    def _openai_completion(self, body: dict[str, Any], behaviour: Behaviour) -> None:
        self._openai_answer(
            body,
            behaviour,
            "text_completion",
            {"text": TEXT, "finish_reason": "stop"},
            [{"text": piece, "finish_reason": None} for piece in PIECES] + [{"text": "", "finish_reason": "stop"}],
        )

    def _openai_answer(
        self,
        body: dict[str, Any],
        behaviour: Behaviour,
        kind: str,
        whole: dict[str, Any],
        pieces: list[dict[str, Any]],
    ) -> None:
        usage = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": COMPLETION_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        }
        common = {"id": "cmpl-1", "created": CREATED, "model": body["model"]}
        if not body.get("stream"):
            choice = {"index": 0, "logprobs": None, **whole}
            self._send_object(behaviour, {**common, "object": kind, "choices": [choice], "usage": usage})
            return
        kind = "chat.completion.chunk" if kind == "chat.completion" else kind
        values: list[dict[str, Any]] = [
            {**common, "object": kind, "choices": [{"index": 0, "logprobs": None, **piece}]} for piece in pieces
        ]
        if (body.get("stream_options") or {}).get("include_usage"):
            values.append({**common, "object": kind, "choices": [], "usage": usage})
        ended = [b"data: [DONE]\n\n"]
        if behaviour.error_after_lines is not None:
            values[behaviour.error_after_lines :] = [{"error": {"message": "the model fell over", "type": "server_error"}}]
            ended = []
        events = [b"data: %b\n\n" % json.dumps(_left(v, behaviour), ensure_ascii=False).encode() for v in values]
        self._send_stream(behaviour, "text/event-stream", [b": a comment\n\n", *events, *ended])


def _left(value: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in behaviour.without}
