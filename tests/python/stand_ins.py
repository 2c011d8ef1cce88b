"""Small things that stand for big ones: a model, a tokenizer, a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from halfbyte.inference import Backend, BackendInfo, InferenceResult

VOCABULARY = 256


class CharTokenizer:
    """One id per character."""

    def encode(self, text: str) -> list[int]:
        return [ord(character) for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(chr(i) for i in ids)


class NextLetterModel:
    """Maps (1, T) ids to (1, T, V) logits, as nested lists; after each letter it expects the next one, then the one after."""

    max_seq_len = 8

    def __init__(self) -> None:
        self.seen: list[list[list[int]]] = []

    def __call__(self, batch: Any) -> list[list[list[float]]]:
        self.seen.append(batch.tolist())
        return [[self._row(i) for i in ids] for ids in batch.tolist()]

    def _row(self, last: int) -> list[float]:
        row = [0.0] * VOCABULARY
        row[(last + 1) % VOCABULARY] = 20.0
        row[(last + 2) % VOCABULARY] = 19.0
        return row


class ScriptedBackend(Backend):
    """Two methods and nothing else, neither seed nor stop: gives what it was handed, in order. An exception in the script is raised."""

    def __init__(self, *script: tuple[str, float, int | None, int | None] | Exception, name: str = "scripted") -> None:
        self.script = list(script)
        self.calls: list[dict[str, Any]] = []
        self._info = BackendInfo(name=name, model_id=f"{name}-1")

    @property
    def info(self) -> BackendInfo:
        return self._info

    def complete(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 128,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> InferenceResult:
        self.calls.append(
            {
                "prompt": prompt,
                "max_new_tokens": max_new_tokens,
                "temperature": temperature,
                "top_k": top_k,
                "top_p": top_p,
            }
        )
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        completion, latency_ms, prompt_tokens, completion_tokens = step
        return InferenceResult(prompt, completion, prompt_tokens, completion_tokens, latency_ms, self.info)
