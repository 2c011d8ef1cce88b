"""What every way to run a model looks like from outside: `Backend`, and the values that go in and come out.

A backend is two members, `info` and `complete`; streaming, chat and the asynchronous forms follow from them and are
overridden where the service underneath has something better.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import operator
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ._checks import check_messages, check_more, check_request, check_sampling

if TYPE_CHECKING:
    from typing import Unpack

    from ._sampling import FurtherSampling

Message = Mapping[str, Any]
"""One turn: `role` (system, user, assistant, tool), `content` (text, or a list of {"type": "text", "text": ...}), and
`tool_calls`, `tool_name`, `call_id` where they apply."""


def _count(name: str, count: Any) -> int | None:
    """`count` as an int, whichever kind of integer it is."""
    if count is None:
        return None
    if isinstance(count, bool) or not hasattr(count, "__index__"):
        raise TypeError(f"{name}: expected an int or None, found {count!r}")
    count = operator.index(count)
    if count < 0:
        raise ValueError(f"{name}: expected 0 or more, found {count}")
    return int(count)


def _check_latency(name: str, latency_ms: object) -> None:
    if isinstance(latency_ms, bool) or not isinstance(latency_ms, (int, float)):
        raise TypeError(f"{name}: expected milliseconds, found {latency_ms!r}")
    if not math.isfinite(latency_ms) or latency_ms < 0:
        raise ValueError(f"{name}: expected 0 or more milliseconds, found {latency_ms}")


def _tokens_per_second(tokens: int | None, latency_ms: float) -> float | None:
    if not tokens or latency_ms == 0:
        return None
    return tokens / (latency_ms / 1000)


@dataclass(frozen=True)
class BackendInfo:
    """Who answers: the kind of backend, the model, and whatever else tells two of them apart.

    ValueError names the field when `name` or `model_id` is empty or not a string.
    """

    name: str
    model_id: str
    extra: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for name in ("name", "model_id"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text:
                raise ValueError(f"{name}: expected a non-empty string, found {text!r}")
        object.__setattr__(self, "extra", dict(self.extra))


@dataclass
class ScoredToken:
    """A token of a reply, and the natural logarithm of its probability as the model has it, whatever the sampling options were.

    `raw` has the bytes of `text` where that is whole characters; a part of a character is U+FFFD there. `id` is None where a service tells none.
    `likeliest` are those at its place, in order.
    """

    text: str
    log_probability: float
    id: int | None = None
    raw: bytes = b""
    likeliest: list[ScoredToken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.raw = self.raw or self.text.encode()


@dataclass
class InferenceResult:
    """One completion. `completion` never contains the prompt; counts are None where the backend does not tell them.

    `latency_ms` is wall time as we measured it around the call; a server's own times are in `metadata`.
    `tokens` are the reply's, with `logprobs`; `prompt_logprobs` the prompt's from the second on, with that. `choices` are all replies where several were asked for, the first as it stands here.
    ValueError names the field when a count or the latency is negative.
    """

    prompt: str
    completion: str
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: float
    backend: BackendInfo
    metadata: dict[str, Any] = field(default_factory=dict)
    tokens: list[ScoredToken] = field(default_factory=list)
    prompt_logprobs: list[ScoredToken] = field(default_factory=list)
    choices: list[ReplyChoice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prompt_tokens = _count("prompt_tokens", self.prompt_tokens)
        self.completion_tokens = _count("completion_tokens", self.completion_tokens)
        _check_latency("latency_ms", self.latency_ms)

    @property
    def tokens_per_second(self) -> float | None:
        """Completion tokens over the whole latency; None where tokens are None or 0 or no time passed."""
        return _tokens_per_second(self.completion_tokens, self.latency_ms)


class ToolCall(dict[str, Any]):
    """A function the model wants called: `{"name", "arguments", "call_id"}`, readable as attributes too.

    A dict, so that it goes as it is into a message's `tool_calls` and into JSON.
    """

    def __init__(self, name: str, arguments: Mapping[str, Any], call_id: str) -> None:
        super().__init__(name=name, arguments=dict(arguments), call_id=call_id)

    @property
    def name(self) -> str:
        return str(self["name"])

    @property
    def arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = self["arguments"]
        return arguments

    @property
    def call_id(self) -> str:
        return str(self["call_id"])


@dataclass
class ReplyChoice:
    """One of several replies to a prompt."""

    text: str
    thinking: str | None = None
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str = ""
    tokens: list[ScoredToken] = field(default_factory=list)


@dataclass
class ChatResult:
    """One reply to a conversation. `thinking` is the reasoning a model keeps apart from its answer, None if it has none."""

    messages: list[dict[str, Any]]
    content: str
    tool_calls: list[ToolCall]
    thinking: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    latency_ms: float
    backend: BackendInfo
    metadata: dict[str, Any] = field(default_factory=dict)
    tokens: list[ScoredToken] = field(default_factory=list)
    prompt_logprobs: list[ScoredToken] = field(default_factory=list)
    choices: list[ReplyChoice] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prompt_tokens = _count("prompt_tokens", self.prompt_tokens)
        self.completion_tokens = _count("completion_tokens", self.completion_tokens)
        _check_latency("latency_ms", self.latency_ms)

    @property
    def tokens_per_second(self) -> float | None:
        return _tokens_per_second(self.completion_tokens, self.latency_ms)


def transcript(messages: Sequence[Message]) -> str:
    """A conversation as plain text that ends where the assistant speaks next, for models without a chat format."""
    lines = [
        f"{str(message['role']).capitalize()}: {_content_text(f'messages[{number}].content', message.get('content') or '')}"
        for number, message in enumerate(messages)
    ]
    return "\n".join([*lines, "Assistant:"])


def _first_turn(text: str) -> str:
    """Of a transcript that went on: what comes before the next turn."""
    return text.split("\nUser:", 1)[0].strip()


def _content_text(where: str, content: object) -> object:
    """Of content in parts their texts, each on a line of its own."""
    if not isinstance(content, (list, tuple)):
        return content
    texts = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise ValueError(f"{where}[{number}]: expected a part of type 'text' with its text, found type {kind!r}")
        texts.append(part["text"])
    return "\n".join(texts)


class Backend(ABC):
    """One way to run one model. Subclasses write `info` and `complete`; the rest is built on those.

    Temperature 0 is greedy. An empty prompt or `max_new_tokens` below 1 is a ValueError, a wrong type a TypeError that
    names the argument. Backends hold no global state: two with different models live side by side.
    """

    @property
    @abstractmethod
    def info(self) -> BackendInfo:
        """Who answers."""

    @abstractmethod
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
        """Continues `prompt` by at most `max_new_tokens` tokens. The text ends before the first of `stop`; the same `seed`,
        from 0 to 2**64 - 1, gives the same text where the backend keeps that promise.

        `seed` and `stop` are handed over only where they are given: a backend may leave both out.
        """

    @property
    def supports_tools(self) -> bool:
        """Whether `chat` takes tools."""
        return False

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
        """The completion in pieces, as they come; the generator's return value is the whole result.

        Closing the generator cancels the request. Here: one piece, when all of it is there.
        """
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        return self._stream_whole(prompt, **sampling, **check_more(seed, stop))

    def _stream_whole(self, prompt: str, **sampling: Any) -> Generator[str, None, InferenceResult]:
        result = self.complete(prompt, **sampling)
        if result.completion:
            yield result.completion
        return result

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
        """The next turn of a conversation. NotImplementedError where tools are given and `supports_tools` is False.

        Here: the conversation goes to `complete` as a plain transcript, and the reply ends where the next turn would begin.
        """
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p, further)
        more = check_more(seed, stop)
        if tools:
            raise NotImplementedError(f"{type(self).__name__} ({self.info.model_id}) takes no tools")
        result = self.complete(transcript(messages), **sampling, **more)
        for choice in result.choices:
            choice.text = _first_turn(choice.text)
        return ChatResult(
            messages=[dict(message) for message in messages],
            content=_first_turn(result.completion),
            tool_calls=[],
            thinking=None,
            prompt_tokens=result.prompt_tokens,
            completion_tokens=result.completion_tokens,
            latency_ms=result.latency_ms,
            backend=result.backend,
            metadata={**result.metadata, "chat_format": "transcript"},
            tokens=result.tokens,
            prompt_logprobs=result.prompt_logprobs,
            choices=result.choices,
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
        """`chat` without tools, its content in pieces as they come; the generator's return value is the whole result.

        Here: one piece, when all of it is there.
        """
        check_messages(messages)
        sampling = check_sampling(max_new_tokens, temperature, top_k, top_p, further)
        return self._stream_whole_chat(messages, **sampling, **check_more(seed, stop))

    def _stream_whole_chat(self, messages: Sequence[Message], **sampling: Any) -> Generator[str, None, ChatResult]:
        result = self.chat(messages, **sampling)
        if result.content:
            yield result.content
        return result

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: Literal["mean", "last", "first"] | None = None,
        adapters: Mapping[str, float] | Sequence[str] | None = None,
    ) -> list[list[float]]:
        """A vector for each text, near each other where they mean the same. pooling: which tokens' states count; None: the
        backend's own way. adapters: as a completion has them. NotImplementedError: the backend embeds nothing, or not so."""
        raise NotImplementedError(f"{type(self).__name__} ({self.info.model_id}) embeds nothing")

    async def acomplete(
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
        """`complete` in a thread, so that the event loop goes on."""
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        return await asyncio.to_thread(self.complete, prompt, **sampling, **check_more(seed, stop))

    async def astream(
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
    ) -> AsyncIterator[str]:
        """`stream` in a thread of its own, piece by piece. Leaving the loop early closes the stream underneath."""
        sampling = check_request(prompt, max_new_tokens, temperature, top_k, top_p, further)
        async for piece in _in_thread(self.stream(prompt, **sampling, **check_more(seed, stop))):
            yield piece


def result_of(pieces: Generator[str, None, InferenceResult]) -> InferenceResult:
    """What a stream comes to, its pieces passed over."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            result: InferenceResult = end.value
            return result


async def _in_thread(pieces: Generator[str, None, Any]) -> AsyncIterator[str]:
    """Drives a generator in one thread from start to close: some are bound to the thread that started them."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[str | BaseException | None] = asyncio.Queue()
    stopped = threading.Event()

    def post(item: str | BaseException | None) -> None:
        try:
            loop.call_soon_threadsafe(arrived.put_nowait, item)
        except RuntimeError:  # the loop was closed: nobody waits any more
            stopped.set()

    def drive() -> None:
        end: BaseException | None = None
        try:
            for piece in pieces:
                post(piece)
                if stopped.is_set():
                    break
            pieces.close()
        except BaseException as error:  # handed to whoever awaits, whatever it is
            end = error
        post(end)

    # A daemon, so that a service that has stopped answering does not hold the interpreter's exit.
    threading.Thread(target=contextvars.copy_context().run, args=(drive,), name="halfbyte-stream", daemon=True).start()
    try:
        while (item := await arrived.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
