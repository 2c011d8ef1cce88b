"""One backend made of several: rules choose who answers, and the next in line answers where that one fails."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ._checks import check_messages, check_more, check_request, check_sampling
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, Message

if TYPE_CHECKING:
    from typing import Unpack

    from ._sampling import FurtherSampling

Answer = TypeVar("Answer", InferenceResult, ChatResult)


class RouterError(RuntimeError):
    """Every backend in line failed; the message says how each did, and the last failure is chained."""


@dataclass(frozen=True)
class Request:
    """What a rule sees. A conversation's `prompt` is its last turn."""

    prompt: str
    messages: Sequence[Message] = ()
    tools: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Route:
    """`backend` answers the requests that `applies` to; `why` says so in their metadata."""

    backend: Backend
    applies: Callable[[Request], bool]
    why: str

    @classmethod
    def longer_than(cls, characters: int, backend: Backend) -> Route:
        return cls(backend, lambda request: len(request.prompt) > characters, f"prompt longer than {characters}")

    @classmethod
    def shorter_than(cls, characters: int, backend: Backend) -> Route:
        return cls(backend, lambda request: len(request.prompt) < characters, f"prompt shorter than {characters}")

    @classmethod
    def matching(cls, pattern: str | re.Pattern[str], backend: Backend) -> Route:
        """Where `pattern` is found anywhere in the prompt."""
        compiled = re.compile(pattern)
        return cls(backend, lambda request: bool(compiled.search(request.prompt)), f"prompt matches {compiled.pattern!r}")

    @classmethod
    def needing_tools(cls, backend: Backend) -> Route:
        return cls(backend, lambda request: bool(request.tools), "tools needed")

    @classmethod
    def where(cls, function: Callable[[Request], bool], backend: Backend) -> Route:
        """A rule of the caller's own."""
        return cls(backend, function, f"chosen by {getattr(function, '__name__', 'a function')}")


class RouterBackend(Backend):
    """The first route that applies answers; where it fails, the other routes that apply, then `fallback`.

    A result's `backend` is the router; its metadata has `answered_by` (name and model_id), `why`, and `failures`, a list
    of {name, model_id, error}. RouterError when all have failed. A stream falls back only before its first piece.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        fallback: Backend,
        *,
        name: str = "router",
        extra: dict[str, Any] | None = None,
    ) -> None:
        for number, route in enumerate(routes):
            if not isinstance(route, Route):
                raise TypeError(f"routes[{number}]: expected a Route, found {type(route).__name__}")
        if not isinstance(fallback, Backend):
            raise TypeError(f"fallback: expected a Backend, found {type(fallback).__name__}")
        self._routes = tuple(routes)
        self._fallback = fallback
        members = [route.backend for route in self._routes] + [fallback]
        ids = list(dict.fromkeys(member.info.model_id for member in members))
        self._info = BackendInfo(name=name, model_id=" | ".join(ids), extra=extra or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._routes)} routes, model_id={self.info.model_id!r})"

    @property
    def info(self) -> BackendInfo:
        return self._info

    @property
    def supports_tools(self) -> bool:
        return any(backend.supports_tools for backend in [*(route.backend for route in self._routes), self._fallback])

    def _line(self, request: Request) -> list[tuple[Backend, str]]:
        """Who may answer, in order, each once, with the reason."""
        line = [(route.backend, route.why) for route in self._routes if route.applies(request)]
        line.append((self._fallback, "fallback"))
        if request.tools:
            line = [(backend, why) for backend, why in line if backend.supports_tools]
        if not line:
            raise NotImplementedError("no backend of this router takes tools")
        once: dict[int, tuple[Backend, str]] = {}
        for backend, why in line:
            once.setdefault(id(backend), (backend, why))
        return list(once.values())

    def _ask(self, request: Request, call: Callable[[Backend], Answer]) -> Answer:
        failures: list[dict[str, str]] = []
        for backend, why in self._line(request):
            try:
                answer = call(backend)
            except Exception as error:
                failures.append(_failure(backend, error))
                last = error
            else:
                return self._signed(answer, backend, why, failures)
        raise _all_failed(failures) from last

    def _signed(self, answer: Answer, backend: Backend, why: str, failures: list[dict[str, str]]) -> Answer:
        answer.backend = self.info
        answer.metadata = {**answer.metadata, "answered_by": _identity(backend), "why": why, "failures": failures}
        return answer

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
        rest = check_more(seed, stop)
        return self._ask(Request(prompt), lambda backend: backend.complete(prompt, **sampling, **rest))

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
        rest = check_more(seed, stop)
        request = Request(_last_turn(messages), messages, tools or ())
        return self._ask(request, lambda backend: backend.chat(messages, tools, **sampling, **rest))

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
        rest = check_more(seed, stop)
        return self._first_stream(Request(prompt), lambda backend: backend.stream(prompt, **sampling, **rest))

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
        rest = check_more(seed, stop)
        request = Request(_last_turn(messages), messages)
        return self._first_stream(request, lambda backend: backend.stream_chat(messages, **sampling, **rest))

    def embed(
        self,
        texts: Sequence[str],
        *,
        pooling: Literal["mean", "last", "first"] | None = None,
        adapters: Mapping[str, float] | Sequence[str] | None = None,
    ) -> list[list[float]]:
        """The fallback's, always: vectors of two models say nothing about each other."""
        return self._fallback.embed(texts, pooling=pooling, adapters=adapters)

    def _first_stream(
        self, request: Request, start: Callable[[Backend], Generator[str, None, Answer]]
    ) -> Generator[str, None, Answer]:
        failures: list[dict[str, str]] = []
        for backend, why in self._line(request):
            pieces = start(backend)
            try:
                first = next(pieces)
            except StopIteration as end:
                empty: Answer = end.value
                return self._signed(empty, backend, why, failures)
            except Exception as error:
                failures.append(_failure(backend, error))
                last = error
                continue
            try:
                yield first
                result: Answer = yield from pieces
            finally:
                pieces.close()
            return self._signed(result, backend, why, failures)
        raise _all_failed(failures) from last


def _last_turn(messages: Sequence[Message]) -> str:
    return str(messages[-1].get("content") or "")


def _identity(backend: Backend) -> dict[str, str]:
    return {"name": backend.info.name, "model_id": backend.info.model_id}


def _failure(backend: Backend, error: Exception) -> dict[str, str]:
    return {**_identity(backend), "error": f"{type(error).__name__}: {error}"}


def _all_failed(failures: list[dict[str, str]]) -> RouterError:
    told = "; ".join(f"{failure['name']} ({failure['model_id']}): {failure['error']}" for failure in failures)
    return RouterError(f"no backend answered: {told}")
