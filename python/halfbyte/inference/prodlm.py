"""The model that a project has settled on: a small manifest names it, and loading falls back where there is none."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from ._checks import check_text, check_timeout
from ._service import Urlopen
from ._service_address import ollama_address
from .artifact import ArtifactError, artifact_dir, find_repo_root, load_artifact_backend, read_json_object
from .backend import Backend
from .engine import DEFAULT_ENGINE_MODEL, EngineBackend
from .engine_errors import EngineError
from .ollama import OllamaBackend, OllamaError

PRODLM_NAME = "ProdLM"
PRODLM_KIND = "ollama_backend"
PRODLM_ENGINE_KIND = "engine_backend"
DEFAULT_PRODLM_MODEL_ID = "llama3.2:3b"
PROBE_TIMEOUT_SECONDS = 2.0


def write_prodlm_manifest(
    *,
    name: str = PRODLM_NAME,
    model_id: str = DEFAULT_PRODLM_MODEL_ID,
    base_url: str | None = None,
    timeout: float = 120.0,
    repo_root: str | Path | None = None,
    notes: str = "",
    backend: Literal["ollama", "engine"] = "ollama",
) -> Path:
    """Writes config.json and manifest.json under artifacts/models/NAME and returns that folder.

    backend: "ollama" serves `model_id` at `base_url` (else OLLAMA_HOST, else the default); "engine" runs `model_id` (a path or a store name) in process.
    Each file is replaced in one step, the manifest last: a reader never meets half of one.
    """
    check_text("model_id", model_id)
    check_timeout(timeout)
    if backend not in ("ollama", "engine"):
        raise ValueError(f"backend: expected 'ollama' or 'engine', found {backend!r}")
    address = ollama_address(base_url)
    if address.basic or address.query:
        raise ValueError("base_url: expected an address without user, password and query: a manifest is shown and shared")
    url = address.shown
    kind = PRODLM_KIND if backend == "ollama" else PRODLM_ENGINE_KIND
    config: dict[str, Any] = {"kind": kind, "backend": backend, "model_id": model_id}
    source = f"engine model {model_id}"
    if backend == "ollama":
        config.update(base_url=url, timeout=float(timeout))
        source = f"Ollama model {model_id} at {url}"
    folder = artifact_dir(name, repo_root)
    folder.mkdir(parents=True, exist_ok=True)
    _replace_json(folder / "config.json", config)
    _replace_json(
        folder / "manifest.json",
        {
            "name": name,
            "display_name": name,
            "kind": kind,
            "role": "ProdLM",
            "source": source,
            "model_id": model_id,
            "backend": backend,
            "notes": notes,
        },
    )
    return folder


def _replace_json(file: Path, value: dict[str, Any]) -> None:
    """Written beside `file`, flushed to the disk, then renamed over it."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(value, out, indent=2, ensure_ascii=False)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would hide a shared project's manifest
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _read_config(name: str, repo_root: str | Path | None) -> dict[str, Any] | None:
    """The manifest's config, None where there is none; ValueError when the folder holds something else."""
    file = artifact_dir(name, repo_root) / "config.json"
    if not file.exists():
        return None
    config = read_json_object(file)
    if config.get("kind") not in (PRODLM_KIND, PRODLM_ENGINE_KIND):
        raise ValueError(f"{file}: expected kind {PRODLM_KIND} or {PRODLM_ENGINE_KIND}, found {config.get('kind')!r}")
    return config


def prodlm_manifest_exists(*, name: str = PRODLM_NAME, repo_root: str | Path | None = None) -> bool:
    """Whether there is a manifest that `load_prodlm_backend` would read."""
    try:
        return _read_config(name, repo_root) is not None
    except (ValueError, ArtifactError):
        return False


def load_prodlm_backend(
    *,
    name: str = PRODLM_NAME,
    repo_root: str | Path | None = None,
    model_id: str | None = None,
    base_url: str | None = None,
    timeout: float | None = None,
    required: bool = False,
    extra: dict[str, Any] | None = None,
) -> OllamaBackend | EngineBackend:
    """The backend that the manifest names; arguments override it, defaults stand in where there is none.

    FileNotFoundError: required, no manifest, nothing overridden. ValueError: the manifest is of something else, or names
    the engine, which has no base_url. ArtifactError: the manifest is damaged. What the engine finds wrong: EngineError.
    """
    config = _read_config(name, repo_root)
    if config is None:
        if required and model_id is None and base_url is None and timeout is None:
            raise FileNotFoundError(
                f"no {name} manifest in {artifact_dir(name, repo_root)}: write one with prodlm.sh or write_prodlm_manifest()"
            )
        config = {}
    told = {"configured_name": name, **(extra or {})}
    if config.get("backend", "ollama") == "engine":
        if base_url is not None:
            raise ValueError(f"base_url: {artifact_dir(name, repo_root)} names the engine in process, which has none")
        return EngineBackend(model_id or config.get("model_id", DEFAULT_ENGINE_MODEL), name="prodlm", extra=told)
    return OllamaBackend(
        model_id=model_id or config.get("model_id", DEFAULT_PRODLM_MODEL_ID),
        base_url=base_url or config.get("base_url"),
        timeout=timeout if timeout is not None else config.get("timeout", 120.0),
        name="prodlm",
        extra=told,
    )


def load_default_backend(
    kind: Literal["auto", "artifact", "prodlm"] = "auto",
    *,
    repo_root: str | Path | None = None,
    artifact_name: str | None = None,
    device: str | None = "auto",
    torch_dtype: str | None = None,
    base_url: str | None = None,
    urlopen: Urlopen | None = None,
) -> Backend:
    """The backend to use when the caller does not care which.

    auto: the ProdLM manifest, else the strongest artifact, else an Ollama server that answers (at `base_url`, OLLAMA_HOST or the default), else the
    default model in the engine. info.extra["passed_over"] says of each one before why it was not taken.
    FileNotFoundError: there is none; the message has the same reasons. ValueError: unknown kind.
    """
    if kind == "prodlm":
        return load_prodlm_backend(repo_root=repo_root)
    if kind == "artifact":
        backend = load_artifact_backend(artifact_name, repo_root=repo_root, device=device, torch_dtype=torch_dtype)
        assert backend is not None  # required, so it would have raised
        return backend
    if kind != "auto":
        raise ValueError(f"kind: expected 'auto', 'artifact' or 'prodlm', found {kind!r}")

    root = find_repo_root(repo_root)
    passed_over: dict[str, str] = {}
    extra = {"passed_over": passed_over}
    try:
        return load_prodlm_backend(repo_root=root, required=True, extra=extra)
    except (FileNotFoundError, ArtifactError, EngineError, ImportError, TypeError, ValueError) as reason:
        passed_over["prodlm"] = str(reason)
    try:
        artifact = load_artifact_backend(
            artifact_name, repo_root=root, device=device, torch_dtype=torch_dtype, extra=extra
        )
        if artifact is not None:
            return artifact
    except (FileNotFoundError, ArtifactError) as reason:
        passed_over["artifact"] = str(reason)
    try:
        return _answering_server(base_url, urlopen, extra)
    except OllamaError as reason:
        passed_over["server"] = str(reason)
    except ValueError as reason:  # of the environment: OLLAMA_HOST, or a proxy
        if base_url is not None:
            raise
        passed_over["server"] = str(reason)
    try:
        return EngineBackend(extra=extra)
    except (EngineError, ImportError) as reason:
        passed_over["engine"] = str(reason)
    told = "; ".join(f"{place}: {reason}" for place, reason in passed_over.items())
    raise FileNotFoundError(f"no backend found: {told}")


def _answering_server(base_url: str | None, urlopen: Urlopen | None, extra: dict[str, Any]) -> OllamaBackend:
    """A server's default model if it has that, else the first it lists; OllamaError when it has none or is silent."""
    probe = OllamaBackend(DEFAULT_PRODLM_MODEL_ID, base_url=base_url, timeout=PROBE_TIMEOUT_SECONDS, urlopen=urlopen)
    models = probe.model_ids()
    if not models:
        raise OllamaError(f"Ollama at {probe.base_url} answers and has no models: ollama pull {DEFAULT_PRODLM_MODEL_ID}")
    model_id = DEFAULT_PRODLM_MODEL_ID if DEFAULT_PRODLM_MODEL_ID in models else models[0]
    return OllamaBackend(model_id, base_url=base_url, urlopen=urlopen, extra=extra)
