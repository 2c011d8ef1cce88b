"""An OpenAI-style service behind the `Backend` interface: the original, or any server that speaks its API."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ._adapters import refuse_adapters
from ._answer import AskedBeside, json_text
from ._checks import check_integer, check_messages, check_more, check_request, check_sampling, check_timeout
from ._embeddings import check_texts, read_openai, refuse_pooling
from ._openai_reply import OpenAIReply
from ._proxy import proxy_for
from ._response_format import openai_format
from ._sampling import on_the_wire, wire_logprobs, wire_names
from ._service import Service, ServiceError, Urlopen, default_urlopen
from ._service_address import DEFAULT_OPENAI_URL, find_key, openai_address, variable
from ._service_result import chat_result, inference_result
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, Message
from .ollama import wire_tool

if TYPE_CHECKING:
    from typing import Unpack

    from ._sampling import FurtherSampling

__all__ = ["DEFAULT_OPENAI_URL", "OpenAIBackend", "OpenAIError"]

KEY_NAME = "OPENAI_API_KEY"
CHAT = "/chat/completions"


# What OpenAI's API has no name for is called as vLLM does.
_OURS = ("overflow", "forced_prefix", "adapters", "beam_search", "repetition_detection")
_NAMES = {
    **wire_names("openai"),
    **dict.fromkeys(_OURS, ""),
    "allowed_tokens": "allowed_token_ids",
    "principal": "cache_salt",
    "stop_tokens": "stop_token_ids",
}


class OpenAIError(ServiceError):
    """The service was not reached, refused, or answered with something else than it should; the cause is chained."""


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

    def _body(self, options: Mapping[str, Any], *, stream: bool, **fields: Any) -> dict[str, Any]:
        # The original has renamed max_tokens for chat and refuses the old name with newer models; others know only that.
        limit = "max_completion_tokens" if self._is_original and "messages" in fields else "max_tokens"
        sent = on_the_wire(options, {**_NAMES, "max_new_tokens": limit}, "an OpenAI-style service")
        body = {"model": self.info.model_id, **fields, **sent}
        is_chat = "messages" in fields
        if (count := options.get("logprobs")) is not None:
            body.update(wire_logprobs(options) if is_chat else {"logprobs": count})
        if (thinks := options.get("thinking")) is not None:
            if not is_chat:
                raise NotImplementedError("thinking: the route /completions has no such option")
            body["chat_template_kwargs"] = {"enable_thinking": thinks}
        if (form := options.get("response_format")) is not None:
            body["response_format"] = openai_format(form)
        if stream:
            body.update(stream=True, stream_options={"include_usage": True})
        return body

    def _prompt_request(self, prompt: str) -> tuple[str, dict[str, Any]]:
        if self._api == "completions":
            return "/completions", {"prompt": prompt}
        return CHAT, {"messages": [{"role": "user", "content": prompt}]}

    def complete(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> InferenceResult:
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        path, fields = self._prompt_request(prompt)
        body = self._body({**sampling, **check_more(seed, stop)}, stream=False, **fields)
        reply = self._reply(path, sampling)
        begin = time.perf_counter()
        with self._service.post(path, body) as answer:
            reply.take_whole(answer.json())
        return inference_result(reply, prompt, self.info, begin, self._metadata(reply, sampling, answer.tries))

    def stream(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> Generator[str, None, InferenceResult]:
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        path, fields = self._prompt_request(prompt)
        body = self._body({**sampling, **check_more(seed, stop)}, stream=True, **fields)
        return self._stream_prompt(prompt, path, body, sampling)

    def _stream_prompt(
        self, prompt: str, path: str, body: dict[str, Any], sampling: dict[str, Any]
    ) -> Generator[str, None, InferenceResult]:
        reply = self._reply(path, sampling)
        begin = time.perf_counter()
        with self._service.post(path, body) as answer:
            yield from reply.pieces(answer.lines())
        return inference_result(reply, prompt, self.info, begin, self._metadata(reply, sampling, answer.tries))

    def chat(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        max_new_tokens: int = 512,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> ChatResult:
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p, further)
        fields: dict[str, Any] = {"messages": [_wire_message(message) for message in messages]}
        if tools:
            fields["tools"] = [wire_tool(tool) for tool in tools]
        body = self._body({**sampling, **check_more(seed, stop)}, stream=False, **fields)
        reply = self._reply(CHAT, sampling)
        begin = time.perf_counter()
        with self._service.post(CHAT, body) as answer:
            reply.take_whole(answer.json())
        return chat_result(reply, messages, self.info, begin, self._metadata(reply, sampling, answer.tries))

    def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        max_new_tokens: int = 512,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> Generator[str, None, ChatResult]:
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p, further)
        wire = [_wire_message(message) for message in messages]
        body = self._body({**sampling, **check_more(seed, stop)}, stream=True, messages=wire)
        return self._stream_messages(messages, body, sampling)

    def _stream_messages(
        self, messages: Sequence[Message], body: dict[str, Any], sampling: dict[str, Any]
    ) -> Generator[str, None, ChatResult]:
        reply = self._reply(CHAT, sampling)
        begin = time.perf_counter()
        with self._service.post(CHAT, body) as answer:
            yield from reply.pieces(answer.lines())
        return chat_result(reply, messages, self.info, begin, self._metadata(reply, sampling, answer.tries))

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: Literal["mean", "last", "first"] | None = None,
        adapters: Mapping[str, float] | Sequence[str] | None = None,
    ) -> list[list[float]]:
        asked = check_texts(texts)
        refuse_pooling(pooling, "an OpenAI-style service")
        refuse_adapters(adapters, "an OpenAI-style service")
        body = {"model": self.info.model_id, "input": asked, "encoding_format": "float"}
        with self._service.post("/embeddings", body) as answer:
            return read_openai(answer.json(), len(asked))

    def _reply(self, path: str, sampling: Mapping[str, Any]) -> OpenAIReply:
        return OpenAIReply(AskedBeside.of(sampling), is_chat=path == CHAT)

    def _metadata(self, reply: OpenAIReply, sampling: dict[str, Any], tries: int) -> dict[str, Any]:
        return {"sampling": sampling, "api": self._api, "tries": tries, **reply.facts()}


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


def _wire_message(message: Message) -> dict[str, Any]:
    """Our tool calls in the API's form; all else goes as it is."""
    wire = dict(message)
    if calls := wire.get("tool_calls"):
        wire["tool_calls"] = [call if "function" in call else _wire_call(call) for call in calls]
    if "call_id" in wire:
        wire["tool_call_id"] = wire.pop("call_id")
    for key in ("tool_name", "thinking"):
        wire.pop(key, None)
    return wire


def _wire_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": call["name"], "arguments": json_text(call["arguments"])}
    return {"id": call["call_id"], "type": "function", "function": function}
