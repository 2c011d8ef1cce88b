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


def without_address(word: str) -> str:
    """KIND[:MODEL] of a word that may have @http://... behind it: what may be shown, for an address may have a password."""
    scheme_end = word.find("://")
    sign = word.rfind("@", 0, scheme_end) if scheme_end >= 0 else -1
    return word if sign < 0 else word[:sign]


def open_backend(word: str, **options: Any) -> Backend:
    """`engine:model.gguf`, `ollama:llama3.2:3b`, `openai`, `artifact:Tiny`, `mlx:FOLDER`, `prodlm`, `auto`; `options` go to the backend.

    `local` is another word for `engine`. Without MODEL each kind takes its default. `ollama` and `openai` take an address behind
    it: `ollama:llama3.2@http://host:11434`. ValueError: unknown kind, a model missing where there is no default, an address
    for a kind that has none or beside base_url.
    """
    name = without_address(word)
    kind, _, model = name.partition(":")
    if kind in ("ollama", "openai") and "://" in model:
        wanted = f"{kind}:MODEL@http://..., or {kind}@http://... for the default model"
        raise ValueError(f"backend: expected {wanted}; found an address for the model")
    if address := word[len(name) + 1 :]:
        if kind not in ("ollama", "openai"):
            raise ValueError(f"backend: expected an address behind ollama or openai only, found one behind {name!r}")
        if "base_url" in options:
            raise ValueError("base_url: expected none beside the address in the backend's name")
        options["base_url"] = address
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
    raise ValueError(f"backend: expected {wanted}, found {name!r}")
