"""A backend from one word, as a command line has it: KIND or KIND:MODEL."""

from __future__ import annotations

from typing import Any

from .backend import Backend
from .engine import DEFAULT_ENGINE_MODEL, EngineBackend
from .mlx import MLXBackend
from .ollama import OllamaBackend
from .openai import OpenAIBackend
from .prodlm import load_default_backend, load_prodlm_backend

KINDS = ("artifact", "auto", "engine", "local", "mlx", "ollama", "openai", "prodlm")


def open_backend(word: str, **options: Any) -> Backend:
    """`engine:model.gguf`, `ollama:llama3.2:3b`, `openai`, `artifact:Tiny`, `mlx:FOLDER`, `prodlm`, `auto`; `options` go to the backend.

    `local` is another word for `engine`. Without MODEL each kind takes its default. ValueError: unknown kind, or a model missing where there is no default.
    """
    kind, _, model = word.partition(":")
    if kind == "ollama":
        return OllamaBackend(model or "llama3.2", **options)
    if kind == "openai":
        return OpenAIBackend(model or "gpt-4o-mini", **options)
    if kind == "mlx" and model:
        return MLXBackend(model, **options)
    if kind == "prodlm":
        return load_prodlm_backend(model_id=model or None, **options)
    if kind == "auto" and not model:
        return load_default_backend(**options)
    if kind == "artifact":
        return load_default_backend("artifact", artifact_name=model or None, **options)
    if kind in ("local", "engine"):
        return EngineBackend(model or DEFAULT_ENGINE_MODEL, **options)
    wanted = "mlx:FOLDER" if kind == "mlx" else ", ".join(KINDS)
    raise ValueError(f"backend: expected {wanted}, found {word!r}")
