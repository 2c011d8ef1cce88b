"""An Ollama server, or anything that speaks its API, behind the `Backend` interface."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from ._adapters import refuse_adapters
from ._answer import AskedBeside, found, whole
from ._checks import check_messages, check_more, check_request, check_sampling, check_timeout
from ._embeddings import check_texts, read_ollama, refuse_pooling
from ._ollama_reply import OllamaReply
from ._proxy import proxy_for
from ._response_format import ollama_format
from ._sampling import on_the_wire, wire_logprobs, wire_names
from ._service import Service, ServiceError, Urlopen, default_urlopen
from ._service_address import DEFAULT_OLLAMA_URL, find_key, ollama_address
from ._service_result import chat_result, inference_result
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, Message

if TYPE_CHECKING:
    from typing import Unpack

    from ._sampling import FurtherSampling

__all__ = ["DEFAULT_OLLAMA_URL", "OllamaBackend", "OllamaError"]


_NAMES = {
    **wire_names("ollama"),
    "max_new_tokens": "num_predict",
    "logit_bias": "",
    "allowed_tokens": "",
    "principal": "",
    **dict.fromkeys(("overflow", "forced_prefix", "stop_tokens", "adapters", "beam_search", "repetition_detection"), ""),
}


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
        answer = self._service.get_json("/api/tags")
        models = answer.get("models")
        if not isinstance(models, list):
            raise OllamaError(f"Ollama at {self.base_url}/api/tags: models: expected a list, found {found(models)}")
        names = [model.get("name") or model.get("model") for model in models if isinstance(model, dict)]
        return [whole(name) for name in names if isinstance(name, str)]

    def _body(self, options: Mapping[str, Any], *, stream: bool, **fields: Any) -> dict[str, Any]:
        sent = on_the_wire(options, _NAMES, "Ollama")
        thinks = options.get("thinking", self._think)
        think = {} if thinks is None else {"think": thinks}
        form = options.get("response_format")
        held = {} if form is None else {"format": ollama_format(form)}
        return {"model": self.info.model_id, **fields, "stream": stream, "options": sent, **wire_logprobs(options), **think, **held}

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
        body = self._body({**sampling, **check_more(seed, stop)}, stream=False, prompt=prompt)
        reply = OllamaReply("generate", AskedBeside.of(sampling))
        begin = time.perf_counter()
        with self._service.post("/api/generate", body) as answer:
            reply.take_whole(answer.json())
        return inference_result(reply, prompt, self.info, begin, self._metadata(reply, sampling))

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
        body = self._body({**sampling, **check_more(seed, stop)}, stream=True, prompt=prompt)
        return self._stream_prompt(prompt, body, sampling)

    def _stream_prompt(
        self, prompt: str, body: dict[str, Any], sampling: dict[str, Any]
    ) -> Generator[str, None, InferenceResult]:
        reply = OllamaReply("generate", AskedBeside.of(sampling))
        begin = time.perf_counter()
        with self._service.post("/api/generate", body) as answer:
            yield from reply.pieces(answer.lines())
        return inference_result(reply, prompt, self.info, begin, self._metadata(reply, sampling))

    def chat_with_tools(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]] | None = None,
        *,
        max_new_tokens: int = 512,
        temperature: float = 0.2,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        stop: Sequence[str] | None = None,
        **further: Unpack[FurtherSampling],
    ) -> ChatResult:
        """The next turn by /api/chat. Tools are JSON-schema functions, bare or as `{"type": "function", ...}`.

        `chat` with the temperature that course code counts on.
        """
        return self.chat(
            messages,
            tools,
            max_new_tokens=max_new_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            stop=stop,
            **further,
        )

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
        reply = OllamaReply("chat", AskedBeside.of(sampling))
        begin = time.perf_counter()
        with self._service.post("/api/chat", body) as answer:
            yield from reply.pieces(answer.lines())
        return chat_result(reply, messages, self.info, begin, self._metadata(reply, sampling))

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
        reply = OllamaReply("chat", AskedBeside.of(sampling))
        begin = time.perf_counter()
        with self._service.post(
            "/api/chat", self._body({**sampling, **check_more(seed, stop)}, stream=False, **fields)
        ) as answer:
            reply.take_whole(answer.json())
        return chat_result(reply, messages, self.info, begin, self._metadata(reply, sampling))

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: Literal["mean", "last", "first"] | None = None,
        adapters: Mapping[str, float] | Sequence[str] | None = None,
    ) -> list[list[float]]:
        asked = check_texts(texts)
        refuse_pooling(pooling, "Ollama")
        refuse_adapters(adapters, "Ollama")
        with self._service.post("/api/embed", {"model": self.info.model_id, "input": asked}) as answer:
            return read_ollama(answer.json(), len(asked))

    def _metadata(self, reply: OllamaReply, sampling: dict[str, Any]) -> dict[str, Any]:
        return {"sampling": sampling, **reply.facts()}


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
