"""An OpenAI-style service behind the `Backend` interface: the original, or any server that speaks its API."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ._checks import check_integer, check_messages, check_request, check_sampling, check_timeout
from ._proxy import proxy_for
from ._service import Service, ServiceError, Urlopen, default_urlopen, error_message
from ._service_address import DEFAULT_OPENAI_URL, find_key, openai_address, variable
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, Message, ToolCall
from .ollama import wire_tool

__all__ = ["DEFAULT_OPENAI_URL", "OpenAIBackend", "OpenAIError"]

KEY_NAME = "OPENAI_API_KEY"


class OpenAIError(ServiceError):
    """The service was not reached, refused, or answered with something else than it should; the cause is chained."""


@dataclass(frozen=True)
class _Streamed:
    """What a stream came to."""

    text: str
    thinking: str
    usage: Any
    metadata: dict[str, Any]


class OpenAIBackend(Backend):
    """A model behind an OpenAI-style API.

    base_url: given here, else OPENAI_BASE_URL, else OpenAI's own. A user and password in it are sent as Basic authorization, in
        place of a key. organization, project: else OPENAI_ORG_ID and OPENAI_PROJECT_ID.
    api_key: given here, else OPENAI_API_KEY in `env_file`, else in the environment, as they are when the backend is made;
        shown nowhere. Servers other than the original may work without. Nothing but the key is taken from `env_file`: a
        folder's file must not say where another key is sent.
    api: "chat" sends a prompt as one user message, "completions" by the older route, which continues it as it is.
    timeout: seconds without a byte. max_retries: further tries after 429 and 5xx; Retry-After is honoured, and
        `sleep` waits. urlopen: `urlopen(request, timeout=...)` in place of urllib's.
    ValueError: empty model_id, no http(s) base_url, timeout not above 0, unknown api. What the service does: OpenAIError.
    """

    def __init__(
        self,
        model_id: str = "gpt-4o-mini",
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        env_file: str | Path | None = ".env",
        organization: str | None = None,
        project: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 2,
        api: Literal["chat", "completions"] = "chat",
        urlopen: Urlopen | None = None,
        sleep: Callable[[float], None] = time.sleep,
        name: str = "openai",
        extra: dict[str, Any] | None = None,
    ) -> None:
        address = openai_address(base_url)
        check_timeout(timeout)
        check_integer("max_retries", max_retries)
        if max_retries < 0:
            raise ValueError(f"max_retries: expected 0 or more, found {max_retries}")
        if api not in ("chat", "completions"):
            raise ValueError(f"api: expected 'chat' or 'completions', found {api!r}")
        key, no_key = find_key(address, api_key, KEY_NAME, env_file)
        if not key and not no_key and not address.basic and address.shown == DEFAULT_OPENAI_URL:
            no_key = f"no API key: pass api_key, or set {KEY_NAME} in {env_file or '.env'} or in the environment"
        self._info = BackendInfo(name=name, model_id=model_id, extra={**(extra or {}), "base_url": address.shown})
        self._api = api
        self._service = Service(
            name="OpenAI",
            address=address,
            timeout=timeout,
            error=OpenAIError,
            start_hint="Check the address and that the service runs.",
            urlopen=urlopen or default_urlopen,
            headers={**({"Authorization": f"Bearer {key}"} if key else {}), **_account(organization, project)},
            no_key=no_key,
            proxy=proxy_for(address, os.environ),
            max_retries=max_retries,
            sleep=sleep,
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

    @property
    def _is_original(self) -> bool:
        return self.base_url == DEFAULT_OPENAI_URL

    def _body(self, sampling: Mapping[str, Any], *, stream: bool, **fields: Any) -> dict[str, Any]:
        # The original has renamed max_tokens for chat and refuses the old name with newer models; others know only that.
        limit = "max_completion_tokens" if self._is_original and "messages" in fields else "max_tokens"
        body = {"model": self.info.model_id, **fields, limit: sampling["max_new_tokens"]}
        body.update({key: sampling[key] for key in ("temperature", "top_k", "top_p") if sampling[key] is not None})
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        return body

    def _prompt_request(self, prompt: str) -> tuple[str, dict[str, Any]]:
        if self._api == "completions":
            return "/completions", {"prompt": prompt}
        return "/chat/completions", {"messages": [{"role": "user", "content": prompt}]}

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
        path, fields = self._prompt_request(prompt)
        begin = time.perf_counter()
        answer, tries = self._service.post_json(path, self._body(sampling, stream=False, **fields))
        latency_ms = (time.perf_counter() - begin) * 1000
        choice = self._choice(answer)
        message = self._message(choice) if self._api == "chat" else choice
        text = message.get("content") if self._api == "chat" else message.get("text")
        if text is None and self._api == "chat" and "content" in message:
            text = ""  # a reply of thinking or tool calls alone
        if not isinstance(text, str):
            raise OpenAIError(f"OpenAI at {self.base_url}{path}: the answer has no text")
        metadata = self._metadata(sampling, tries, choice.get("finish_reason"), answer)
        return self._result(prompt, text, answer.get("usage"), latency_ms, metadata)

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
        return self._stream_prompt(prompt, sampling)

    def _stream_prompt(self, prompt: str, sampling: dict[str, Any]) -> Generator[str, None, InferenceResult]:
        path, fields = self._prompt_request(prompt)
        begin = time.perf_counter()
        streamed = yield from self._stream_events(path, fields, sampling)
        latency_ms = (time.perf_counter() - begin) * 1000
        return self._result(prompt, streamed.text, streamed.usage, latency_ms, streamed.metadata)

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
        return self._stream_messages(messages, check_sampling(max_new_tokens, temperature, top_k, top_p))

    def _stream_messages(
        self, messages: Sequence[Message], sampling: dict[str, Any]
    ) -> Generator[str, None, ChatResult]:
        fields = {"messages": [_wire_message(message) for message in messages]}
        begin = time.perf_counter()
        streamed = yield from self._stream_events("/chat/completions", fields, sampling)
        prompt_tokens, completion_tokens = _counts(streamed.usage)
        return ChatResult(
            messages=[dict(message) for message in messages],
            content=streamed.text,
            tool_calls=[],
            thinking=streamed.thinking or None,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            latency_ms=(time.perf_counter() - begin) * 1000,
            backend=self.info,
            metadata=streamed.metadata,
        )

    def _stream_events(
        self, path: str, fields: dict[str, Any], sampling: dict[str, Any]
    ) -> Generator[str, None, _Streamed]:
        """Pieces of either route: the older one has its text in the choice, the other in the choice's delta."""
        pieces: list[str] = []
        thoughts: list[str] = []
        usage, finish_reason, last, is_done = None, None, {}, False
        with self._service.post_lines(path, self._body(sampling, stream=True, **fields)) as (lines, tries):
            for data in server_sent_events(lines):
                if data == b"[DONE]":
                    is_done = True
                    break
                last = self._service.parse(data)
                self._refuse_error(last)
                usage = last.get("usage") or usage
                for choice in last.get("choices") or []:
                    finish_reason = choice.get("finish_reason") or finish_reason
                    delta = choice.get("delta") or {}
                    thoughts.append(delta.get("reasoning_content") or delta.get("reasoning") or "")
                    piece = delta.get("content") or choice.get("text")
                    if piece:
                        pieces.append(piece)
                        yield piece
        if not is_done and finish_reason is None:
            raise OpenAIError(f"OpenAI at {self.base_url}{path}: the stream ended before the reply was done")
        metadata = self._metadata(sampling, tries, finish_reason, last)
        return _Streamed("".join(pieces), "".join(thoughts), usage, metadata)

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
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p)
        fields: dict[str, Any] = {"messages": [_wire_message(message) for message in messages]}
        if tools:
            fields["tools"] = [wire_tool(tool) for tool in tools]
        begin = time.perf_counter()
        answer, tries = self._service.post_json("/chat/completions", self._body(sampling, stream=False, **fields))
        latency_ms = (time.perf_counter() - begin) * 1000
        choice = self._choice(answer)
        message = self._message(choice)
        prompt_tokens, completion_tokens = _counts(answer.get("usage"))
        return ChatResult(
            messages=[dict(message) for message in messages],
            content=message.get("content") or "",
            tool_calls=[self._tool_call(call) for call in message.get("tool_calls") or []],
            thinking=message.get("reasoning_content") or message.get("reasoning") or None,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            latency_ms=latency_ms,
            backend=self.info,
            metadata=self._metadata(sampling, tries, choice.get("finish_reason"), answer),
        )

    def _refuse_error(self, answer: Mapping[str, Any]) -> None:
        if answer.get("error"):
            said = self._service.without_secrets(error_message(answer["error"]))
            raise OpenAIError(f"OpenAI at {self.base_url}: {said}")

    def _choice(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        self._refuse_error(answer)
        choices = answer.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise OpenAIError(f"OpenAI at {self.base_url}: the answer has no `choices`")
        return choices[0]

    def _message(self, choice: Mapping[str, Any]) -> dict[str, Any]:
        message = choice.get("message")
        if not isinstance(message, dict):
            raise OpenAIError(f"OpenAI at {self.base_url}: the answer has no `message`")
        return message

    def _tool_call(self, call: Any) -> ToolCall:
        try:
            function = call["function"]
            arguments = json.loads(function.get("arguments") or "{}")
            return ToolCall(function["name"], arguments, str(call.get("id") or ""))
        except (ValueError, KeyError, TypeError, AttributeError) as cause:
            raise OpenAIError(f"OpenAI at {self.base_url}: a tool call without a name or JSON arguments") from cause

    def _metadata(
        self, sampling: dict[str, Any], tries: int, finish_reason: Any, answer: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "sampling": sampling,
            "api": self._api,
            "tries": tries,
            "finish_reason": finish_reason,
            "served_model": answer.get("model"),
        }

    def _result(
        self, prompt: str, completion: str, usage: Any, latency_ms: float, metadata: dict[str, Any]
    ) -> InferenceResult:
        prompt_tokens, completion_tokens = _counts(usage)
        return InferenceResult(prompt, completion, prompt_tokens, completion_tokens, latency_ms, self.info, metadata)


def _account(organization: str | None, project: str | None) -> dict[str, str]:
    """Whose account it is: OpenAI's own headers, which other services pass over."""
    headers = {
        "OpenAI-Organization": organization or variable("OPENAI_ORG_ID"),
        "OpenAI-Project": project or variable("OPENAI_PROJECT_ID"),
    }
    for name, value in headers.items():
        if not value.isascii() or (value and not value.isprintable()):
            raise ValueError(f"{name}: expected ASCII without control characters, found {value!r}")
    return {name: value for name, value in headers.items() if value}


def server_sent_events(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The data of each event: `data:` lines up to an empty one, joined. Comments and other fields are passed over, and so
    is an event that the end of the stream cuts off."""
    data: list[bytes] = []
    for line in lines:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:
            yield b"\n".join(data)
            data = []


def _counts(usage: Any) -> tuple[int | None, int | None]:
    """Prompt and completion tokens, None where the service does not tell."""
    if not isinstance(usage, dict):
        return None, None
    prompt, completion = (
        count if isinstance(count := usage.get(key), int) and not isinstance(count, bool) and count >= 0 else None
        for key in ("prompt_tokens", "completion_tokens")
    )
    return prompt, completion


def _wire_message(message: Message) -> dict[str, Any]:
    """Our tool calls in the API's form; all else goes as it is."""
    wire = dict(message)
    if calls := wire.get("tool_calls"):
        wire["tool_calls"] = [call if "function" in call else _wire_call(call) for call in calls]
    if "call_id" in wire:
        wire["tool_call_id"] = wire.pop("call_id")
    wire.pop("tool_name", None)
    return wire


def _wire_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    return {"id": call["call_id"], "type": "function", "function": function}
