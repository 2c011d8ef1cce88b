"""An Ollama server, or anything that speaks its API, behind the `Backend` interface."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from ._checks import check_messages, check_request, check_sampling, check_timeout
from ._proxy import proxy_for
from ._service import Service, ServiceError, Urlopen, default_urlopen, error_message
from ._service_address import DEFAULT_OLLAMA_URL, find_key, ollama_address
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, Message, ToolCall

__all__ = ["DEFAULT_OLLAMA_URL", "OllamaBackend", "OllamaError"]


class OllamaError(ServiceError):
    """Ollama was not reached, refused, or answered with something else than it should; the cause is chained."""


class OllamaBackend(Backend):
    """A model served by Ollama.

    timeout: seconds without a byte from the server. urlopen: `urlopen(request, timeout=...)` in place of urllib's.
    base_url: given here, else OLLAMA_HOST as Ollama's own clients read it, else http://localhost:11434. A user and password
        in it are sent as Basic authorization, and shown nowhere. api_key: else OLLAMA_API_KEY, else none.
    think: sent as it is when not None (True, False, "low", "medium", "high").
    ValueError: empty model_id, no http(s) base_url, timeout not above 0. Everything the server does wrong: OllamaError.
    """

    def __init__(
        self,
        model_id: str = "llama3.2:3b",
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 120.0,
        urlopen: Urlopen | None = None,
        name: str = "ollama",
        extra: dict[str, Any] | None = None,
        think: bool | str | None = None,
    ) -> None:
        address = ollama_address(base_url)
        key, no_key = find_key(address, api_key, "OLLAMA_API_KEY")
        check_timeout(timeout)
        self._info = BackendInfo(name=name, model_id=model_id, extra={**(extra or {}), "base_url": address.shown})
        self._think = think
        self._service = Service(
            name="Ollama",
            address=address,
            timeout=timeout,
            error=OllamaError,
            start_hint=f"Start it with `ollama serve` and fetch the model with `ollama pull {model_id}`.",
            missing_hint=f"Fetch the model with `ollama pull {model_id}`.",
            urlopen=urlopen or default_urlopen,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            no_key=no_key,
            proxy=proxy_for(address, os.environ),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model_id={self.info.model_id!r}, base_url={self.base_url!r})"

    @property
    def info(self) -> BackendInfo:
        return self._info

    @property
    def base_url(self) -> str:
        """Without trailing slashes, user, password and query."""
        return self._service.base_url

    @property
    def supports_tools(self) -> bool:
        return True

    def model_ids(self) -> list[str]:
        """The models the server has, as it names them. OllamaError when it does not answer."""
        models = self._service.get_json("/api/tags").get("models")
        if not isinstance(models, list):
            raise OllamaError(f"Ollama at {self.base_url}/api/tags: expected a list `models`, found {models!r}")
        return [str(model["name"]) for model in models if isinstance(model, dict) and "name" in model]

    def _body(self, sampling: Mapping[str, Any], *, stream: bool, **fields: Any) -> dict[str, Any]:
        options = {"num_predict": sampling["max_new_tokens"], "temperature": sampling["temperature"]}
        options.update({key: sampling[key] for key in ("top_k", "top_p") if sampling[key] is not None})
        think = {} if self._think is None else {"think": self._think}
        return {"model": self.info.model_id, **fields, "stream": stream, "options": options, **think}

    def complete(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> InferenceResult:
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p)
        begin = time.perf_counter()
        answer, _ = self._service.post_json("/api/generate", self._body(sampling, stream=False, prompt=prompt))
        latency_ms = (time.perf_counter() - begin) * 1000
        return self._result(prompt, self._text(answer, "response"), answer, latency_ms, sampling)

    def stream(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Generator[str, None, InferenceResult]:
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p)
        return self._stream_lines(prompt, sampling)

    def _stream_lines(self, prompt: str, sampling: dict[str, Any]) -> Generator[str, None, InferenceResult]:
        begin = time.perf_counter()
        pieces: list[str] = []
        with self._service.post_lines("/api/generate", self._body(sampling, stream=True, prompt=prompt)) as (lines, _):
            for line in lines:
                if not line.strip():
                    continue
                answer = self._service.parse(line)
                piece = self._text(answer, "response")
                if piece:
                    pieces.append(piece)
                    yield piece
                if answer.get("done"):
                    latency_ms = (time.perf_counter() - begin) * 1000
                    return self._result(prompt, "".join(pieces), answer, latency_ms, sampling)
        raise OllamaError(f"Ollama at {self.base_url}/api/generate: the stream ended before the reply was done")

    def chat_with_tools(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        max_new_tokens: int = 512,
        temperature: float = 0.2,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> ChatResult:
        """The next turn by /api/chat. Tools are JSON-schema functions, bare or as `{"type": "function", ...}`."""
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p)
        fields: dict[str, Any] = {"messages": [_wire_message(message) for message in messages]}
        if tools:
            fields["tools"] = [wire_tool(tool) for tool in tools]
        begin = time.perf_counter()
        answer, _ = self._service.post_json("/api/chat", self._body(sampling, stream=False, **fields))
        latency_ms = (time.perf_counter() - begin) * 1000
        content, thinking, calls = self._message(answer)
        return self._chat_result(messages, content, thinking, calls, answer, latency_ms, sampling)

    def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 512,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> Generator[str, None, ChatResult]:
        check_messages(messages)
        return self._stream_chat_lines(messages, check_sampling(max_new_tokens, temperature, top_k, top_p))

    def _stream_chat_lines(
        self, messages: Sequence[Message], sampling: dict[str, Any]
    ) -> Generator[str, None, ChatResult]:
        body = self._body(sampling, stream=True, messages=[_wire_message(message) for message in messages])
        begin = time.perf_counter()
        pieces: list[str] = []
        thoughts: list[str] = []
        with self._service.post_lines("/api/chat", body) as (lines, _):
            for line in lines:
                if not line.strip():
                    continue
                answer = self._service.parse(line)
                piece, thinking, _ = self._message(answer)
                thoughts.append(thinking)
                if piece:
                    pieces.append(piece)
                    yield piece
                if answer.get("done"):
                    latency_ms = (time.perf_counter() - begin) * 1000
                    content, thinking = "".join(pieces), "".join(thoughts)
                    return self._chat_result(messages, content, thinking, [], answer, latency_ms, sampling)
        raise OllamaError(f"Ollama at {self.base_url}/api/chat: the stream ended before the reply was done")

    def _message(self, answer: Mapping[str, Any]) -> tuple[str, str, list[Any]]:
        """Content, thinking and tool calls of one answer; what is absent is empty."""
        self._refuse_error(answer)
        message = answer.get("message")
        if not isinstance(message, dict):
            raise OllamaError(f"Ollama at {self.base_url}/api/chat: the answer has no `message`")
        content, thinking = message.get("content") or "", message.get("thinking") or ""
        calls = message.get("tool_calls") or []
        if not isinstance(content, str) or not isinstance(thinking, str) or not isinstance(calls, list):
            raise OllamaError(f"Ollama at {self.base_url}/api/chat: expected texts and tool calls, found {message!r}")
        return content, thinking, calls

    def _chat_result(
        self,
        messages: Sequence[Message],
        content: str,
        thinking: str,
        calls: list[Any],
        answer: Mapping[str, Any],
        latency_ms: float,
        sampling: dict[str, Any],
    ) -> ChatResult:
        return ChatResult(
            messages=[dict(message) for message in messages],
            content=content,
            tool_calls=[self._tool_call(call, number) for number, call in enumerate(calls)],
            thinking=thinking or None,
            prompt_tokens=_count(answer, "prompt_eval_count"),
            completion_tokens=_count(answer, "eval_count"),
            latency_ms=latency_ms,
            backend=self.info,
            metadata=_metadata(answer, sampling),
        )

    def chat(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        max_new_tokens: int = 512,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> ChatResult:
        return self.chat_with_tools(
            messages, tools, max_new_tokens=max_new_tokens, temperature=temperature, top_k=top_k, top_p=top_p
        )

    def _refuse_error(self, answer: Mapping[str, Any]) -> None:
        if answer.get("error"):
            said = self._service.without_secrets(error_message(answer["error"]))
            raise OllamaError(f"Ollama at {self.base_url}: {said}")

    def _text(self, answer: Mapping[str, Any], key: str) -> str:
        self._refuse_error(answer)
        if not isinstance(answer.get(key), str):
            raise OllamaError(f"Ollama at {self.base_url}/api/generate: the answer has no `{key}` text")
        return str(answer[key])

    def _result(
        self, prompt: str, completion: str, answer: Mapping[str, Any], latency_ms: float, sampling: dict[str, Any]
    ) -> InferenceResult:
        return InferenceResult(
            prompt=prompt,
            completion=completion,
            prompt_tokens=_count(answer, "prompt_eval_count"),
            completion_tokens=_count(answer, "eval_count"),
            latency_ms=latency_ms,
            backend=self.info,
            metadata=_metadata(answer, sampling),
        )

    def _tool_call(self, call: Any, number: int) -> ToolCall:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise OllamaError(f"Ollama at {self.base_url}/api/chat: tool call {number} names no function")
        arguments = function.get("arguments") or {}
        if isinstance(arguments, str):  # some servers of this API send them as OpenAI does
            try:
                arguments = json.loads(arguments)
            except ValueError as cause:
                raise OllamaError(f"Ollama at {self.base_url}/api/chat: arguments of tool call {number}") from cause
        if not isinstance(arguments, dict):
            raise OllamaError(f"Ollama at {self.base_url}/api/chat: arguments of tool call {number} are no object")
        return ToolCall(function["name"], arguments, str(call.get("id") or f"call_{number}"))


def wire_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as both services want it: a bare function gets its envelope."""
    return dict(tool) if "function" in tool else {"type": "function", "function": dict(tool)}


def _wire_message(message: Message) -> dict[str, Any]:
    """Our tool calls in the API's form; all else goes as it is."""
    wire = dict(message)
    if calls := wire.get("tool_calls"):
        wire["tool_calls"] = [
            call if "function" in call else {"function": {"name": call["name"], "arguments": call["arguments"]}}
            for call in calls
        ]
    if "call_id" in wire:
        wire["tool_call_id"] = wire.pop("call_id")
    return wire


def _count(answer: Mapping[str, Any], key: str) -> int | None:
    count = answer.get(key)
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _metadata(answer: Mapping[str, Any], sampling: dict[str, Any]) -> dict[str, Any]:
    """Sampling, and the server's own durations: nanoseconds there, milliseconds here, None where it gave none."""
    metadata: dict[str, Any] = {"sampling": sampling}
    for duration in ("total", "load", "prompt_eval", "eval"):
        ns = answer.get(f"{duration}_duration")
        metadata[f"server_{duration}_duration_ms"] = ns / 1e6 if isinstance(ns, (int, float)) else None
    if isinstance(answer.get("done_reason"), str):
        metadata["finish_reason"] = answer["done_reason"]
    if isinstance(answer.get("thinking"), str) and answer["thinking"]:
        metadata["thinking"] = answer["thinking"]
    return metadata
