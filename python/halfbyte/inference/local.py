"""A model object in this process, such as a from-scratch PyTorch module, behind the `Backend` interface.

torch is imported where the model is a torch one, and nowhere else. Any other model is handed plain lists of ids and
may answer with anything that can be indexed and turned into a list.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ._checks import check_more, check_request, check_sampling, check_text
from ._draw import draw, log_probability
from ._sampling import named_only
from ._stops import StopScanner
from .backend import Backend, BackendInfo, InferenceResult, result_of

if TYPE_CHECKING:
    from typing import Unpack

    from ._sampling import FurtherSampling


class TokenIds(list[Any]):
    """Token ids without an array library: a list that also answers what code written for tensors asks first."""

    @property
    def shape(self) -> tuple[int, ...]:
        inner = self[0].shape if self and isinstance(self[0], TokenIds) else ()
        return (len(self), *inner)

    def dim(self) -> int:
        return len(self.shape)

    def tolist(self) -> list[Any]:
        return [ids.tolist() if isinstance(ids, TokenIds) else ids for ids in self]


def import_torch() -> Any:
    """torch, when a model needs it: importing it takes seconds."""
    return importlib.import_module("torch")


def _plain(values: Any) -> list[Any]:
    """A list from a tensor, an array or a sequence."""
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _like(prompt_ids: Any, ids: list[int]) -> Any:
    """1-D ids of the kind of `prompt_ids`: the same type, dtype and device."""
    return prompt_ids.new_tensor(ids) if hasattr(prompt_ids, "new_tensor") else TokenIds(ids)


def _batch_like(prompt_ids: Any, ids: list[int]) -> Any:
    """(1, T) ids of the kind of `prompt_ids`."""
    return prompt_ids.new_tensor([ids]) if hasattr(prompt_ids, "new_tensor") else TokenIds([TokenIds(ids)])


def _prompt_for(model: Any, ids: list[int]) -> Any:
    """1-D ids of the kind `model` takes: a long tensor on its device for a torch model, `TokenIds` otherwise."""
    torch: Any = sys.modules.get("torch")
    is_torch = torch is not None and isinstance(model, torch.nn.Module)
    if not is_torch and not callable(getattr(model, "parameters", None)):
        return TokenIds(ids)
    try:
        torch = import_torch()
    except ImportError:
        return TokenIds(ids)
    device = next((p.device for p in model.parameters() if hasattr(p, "device")), "cpu")
    return torch.tensor(ids, dtype=torch.long, device=device)


def _forward(model: Any, batch: Any) -> Any:
    """`model(batch)` without gradients and without dropout; the model is left in the mode it was in."""
    without_gradients = contextlib.nullcontext()
    if hasattr(batch, "new_tensor"):
        without_gradients = import_torch().no_grad()
    was_training = bool(getattr(model, "training", False)) and hasattr(model, "eval")
    if was_training:
        model.eval()
    try:
        with without_gradients:
            return model(batch) if callable(model) else model.forward(batch)
    finally:
        if was_training:
            model.train()


def _uniform_for(prompt_ids: Any, seed: int | None) -> Callable[[], float]:
    """Random numbers from `seed`, or from the generator that seeds this kind of model: torch's for tensors, Python's otherwise."""
    if seed is not None:
        return random.Random(seed).random
    if not hasattr(prompt_ids, "new_tensor"):
        return random.random
    torch = import_torch()
    return lambda: float(torch.rand((), dtype=torch.float64))


def _context_length(model: Any) -> int:
    length = getattr(model, "max_seq_len", None)
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise TypeError(f"model: expected a max_seq_len of 1 or more, found {length!r}")
    return length


def _continuation(
    model: Any,
    prompt_ids: Any,
    *,
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    eos_id: int | None,
    seed: int | None = None,
) -> Iterator[int]:
    """The new ids one by one, the end token included."""
    context = _context_length(model)
    ids = [int(i) for i in _plain(prompt_ids)]
    if not ids:
        raise ValueError("prompt_ids: expected at least one id, found none")
    uniform = _uniform_for(prompt_ids, seed)
    for _ in range(max_new_tokens):
        logits = _forward(model, _batch_like(prompt_ids, ids[-context:]))
        token = draw(_plain(logits[0][-1]), temperature=temperature, top_k=top_k, top_p=top_p, uniform=uniform)
        ids.append(token)
        yield token
        if token == eos_id:
            return


def generate(
    model: Any,
    prompt_ids: Any,
    *,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    eos_id: int | None = None,
    seed: int | None = None,
) -> Any:
    """`prompt_ids` (1-D, at least one id) and its continuation, as the same kind of 1-D long tensor or list.

    `model` maps (1, T) ids to (1, T, V) logits and has `max_seq_len`; it sees the last `max_seq_len` ids. Ends after
    `max_new_tokens`, or with `eos_id`, which is part of the result.
    """
    check_sampling(max_new_tokens, temperature, top_k, top_p)
    if hasattr(prompt_ids, "dim") and prompt_ids.dim() != 1:
        raise ValueError(f"prompt_ids: expected one dimension, found shape {tuple(prompt_ids.shape)}")
    new = _continuation(
        model,
        prompt_ids,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        eos_id=eos_id,
        seed=seed,
    )
    return _like(prompt_ids, [*map(int, _plain(prompt_ids)), *new])


class LocalTransformerBackend(Backend):
    """A model object and its tokenizer as a backend.

    model: forward maps (1, T) ids to (1, T, V) logits; has `max_seq_len`.
    tokenizer: `encode(str)` gives ids, `decode(ids)` text.
    eos_id: the id that ends a completion; it is decoded like every other id.
    ValueError: no model or no tokenizer. TypeError: the tokenizer lacks encode or decode, or eos_id is not an int.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        model_id: str = "g2c-local",
        eos_id: int | None = None,
        name: str = "local",
        extra: dict[str, Any] | None = None,
    ) -> None:
        if model is None:
            raise ValueError("model: expected a model, found None")
        if tokenizer is None:
            raise ValueError("tokenizer: expected a tokenizer, found None")
        for method in ("encode", "decode"):
            if not callable(getattr(tokenizer, method, None)):
                raise TypeError(f"tokenizer: expected a method {method}, found none on {type(tokenizer).__name__}")
        if eos_id is not None and (isinstance(eos_id, bool) or not isinstance(eos_id, int)):
            raise TypeError(f"eos_id: expected an int or None, found {eos_id!r}")
        self._model = model
        self._tokenizer = tokenizer
        self._eos_id = eos_id
        self._info = BackendInfo(name=name, model_id=model_id, extra=extra or {})

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model_id={self.info.model_id!r}, eos_id={self._eos_id})"

    @property
    def info(self) -> BackendInfo:
        return self._info

    @property
    def model(self) -> Any:
        return self._model

    @property
    def tokenizer(self) -> Any:
        return self._tokenizer

    def _encode(self, text: str) -> list[int]:
        encoded = self._tokenizer.encode(text)
        ids = [int(i) for i in _plain(getattr(encoded, "ids", encoded))]
        if not ids:
            raise ValueError("prompt: the tokenizer makes no tokens of it")
        return ids

    def _result(
        self,
        prompt: str,
        completion: str,
        prompt_tokens: int,
        new: list[int],
        begin: float,
        sampling: dict[str, Any],
        is_stopped: bool = False,
    ) -> InferenceResult:
        is_stopped = is_stopped or bool(new and new[-1] == self._eos_id)
        return InferenceResult(
            prompt=prompt,
            completion=completion,
            prompt_tokens=prompt_tokens,
            completion_tokens=len(new),
            latency_ms=(time.perf_counter() - begin) * 1000,
            backend=self.info,
            metadata={
                "sampling": sampling,
                "eos_id": self._eos_id,
                "finish_reason": "stop" if is_stopped else "length",
            },
        )

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
        sampling = named_only(check_request(prompt, max_new_tokens, temperature, top_k, top_p, further), "a local model")
        more = check_more(seed, stop)
        if stops := more.pop("stop", None):
            return result_of(self._stream_tokens(prompt, sampling, seed, stops))
        begin = time.perf_counter()
        ids = self._encode(prompt)
        full = generate(self._model, _prompt_for(self._model, ids), **sampling, **more, eos_id=self._eos_id)
        new = _plain(full)[len(ids) :]
        return self._result(prompt, self._tokenizer.decode(new), len(ids), new, begin, sampling)

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
        sampling = named_only(check_request(prompt, max_new_tokens, temperature, top_k, top_p, further), "a local model")
        return self._stream_tokens(prompt, sampling, seed, check_more(seed, stop).get("stop", ()))

    def _stream_tokens(
        self, prompt: str, sampling: dict[str, Any], seed: int | None, stops: Sequence[str]
    ) -> Generator[str, None, InferenceResult]:
        begin = time.perf_counter()
        ids = self._encode(prompt)
        scanner = StopScanner(stops)
        new: list[int] = []
        read = ""
        sent: list[str] = []
        for token in _continuation(self._model, _prompt_for(self._model, ids), **sampling, eos_id=self._eos_id, seed=seed):
            new.append(token)
            # A character may be cut across tokens; its beginning decodes to U+FFFD and waits for the rest.
            text = self._tokenizer.decode(new).rstrip("\ufffd")
            if len(text) > len(read) and text.startswith(read):
                sent.append(scanner.push(text[len(read) :]))
                read = text
                if sent[-1]:
                    yield sent[-1]
            if scanner.found:
                break
        last = scanner.push(self._tokenizer.decode(new)[len(read) :]) + scanner.finish()
        if last:
            yield last
        completion = "".join(sent) + last
        return self._result(prompt, completion, len(ids), new, begin, sampling, scanner.found)

    def log_likelihood(self, prompt: str, continuation: str) -> float:
        """Natural logarithm of the probability that `continuation` follows `prompt`, in nats, summed over its tokens.

        The two are tokenized apart. ValueError when together they pass the model's `max_seq_len`.
        """
        check_text("prompt", prompt)
        check_text("continuation", continuation)
        before, after = self._encode(prompt), self._encode(continuation)
        context = _context_length(self._model)
        if len(before) + len(after) - 1 > context:
            raise ValueError(f"prompt: with its continuation {len(before) + len(after)} tokens, the model reads {context}")
        like = _prompt_for(self._model, before)
        rows = _forward(self._model, _batch_like(like, (before + after)[:-1]))[0]
        return sum(log_probability(_plain(rows[len(before) - 1 + i]), token) for i, token in enumerate(after))


__all__: Sequence[str] = ["LocalTransformerBackend", "TokenIds", "generate"]
