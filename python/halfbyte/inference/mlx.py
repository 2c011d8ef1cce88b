"""Models run by MLX, through the package `mlx-lm`, which is imported when a completion is asked for."""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from ._checks import check_more, check_request
from ._sampling import named_only
from ._stops import StopScanner
from .backend import Backend, BackendInfo, InferenceResult, result_of

if TYPE_CHECKING:
    from typing import Unpack

    from ._sampling import FurtherSampling


class MLXBackend(Backend):
    """A model that `mlx_lm.load` opens (a directory or a hub name), or a loaded `model` with its `tokenizer`.

    The prompt is continued as it is, without a chat template. ValueError: one of model and tokenizer without the other.
    ImportError, at the first completion: no mlx-lm.
    """

    def __init__(
        self,
        model_id: str,
        *,
        model: Any = None,
        tokenizer: Any = None,
        name: str = "mlx",
        extra: dict[str, Any] | None = None,
    ) -> None:
        if (model is None) != (tokenizer is None):
            raise ValueError(f"{'model' if model is None else 'tokenizer'}: expected with the other one, found None")
        self._info = BackendInfo(name=name, model_id=model_id, extra=extra or {})
        self._model = model
        self._tokenizer = tokenizer

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model_id={self.info.model_id!r})"

    @property
    def info(self) -> BackendInfo:
        return self._info

    def _load(self) -> tuple[Any, Any]:
        try:
            mlx_lm = importlib.import_module("mlx_lm")
            samplers = importlib.import_module("mlx_lm.sample_utils")
        except ImportError as cause:
            raise ImportError("MLXBackend needs the package mlx-lm: pip install mlx-lm (on Linux with mlx[cpu])") from cause
        if self._model is None:
            self._model, self._tokenizer = mlx_lm.load(self.info.model_id)[:2]
        return mlx_lm, samplers

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
        return result_of(
            self.stream(
                prompt,
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                seed=seed,
                stop=stop,
                **further,
            )
        )

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
        sampling = named_only(check_request(prompt, max_new_tokens, temperature, top_k, top_p, further), "MLX")
        return self._stream_tokens(prompt, sampling, seed, check_more(seed, stop).get("stop", ()))

    def _stream_tokens(
        self, prompt: str, sampling: dict[str, Any], seed: int | None, stops: Sequence[str]
    ) -> Generator[str, None, InferenceResult]:
        mlx_lm, samplers = self._load()
        if seed is not None:
            importlib.import_module("mlx.core").random.seed(seed)
        # 0 is off for both limits in mlx-lm; to us a top_p of 0 leaves the likeliest token.
        top_k, top_p = sampling["top_k"] or 0, sampling["top_p"]
        sampler = samplers.make_sampler(
            temp=sampling["temperature"], top_k=1 if top_p == 0 else top_k, top_p=top_p or 0.0
        )
        begin = time.perf_counter()
        scanner = StopScanner(stops)
        pieces: list[str] = []
        last: Any = None
        for last in mlx_lm.stream_generate(
            self._model, self._tokenizer, prompt, max_tokens=sampling["max_new_tokens"], sampler=sampler
        ):
            if piece := scanner.push(last.text):
                pieces.append(piece)
                yield piece
            if scanner.found:
                break
        if piece := scanner.finish():
            pieces.append(piece)
            yield piece
        return InferenceResult(
            prompt=prompt,
            completion="".join(pieces),
            prompt_tokens=None if last is None else last.prompt_tokens,
            completion_tokens=0 if last is None else last.generation_tokens,
            latency_ms=(time.perf_counter() - begin) * 1000,
            backend=self.info,
            metadata={
                "sampling": sampling,
                "finish_reason": "stop" if scanner.found else getattr(last, "finish_reason", None),
            },
        )
