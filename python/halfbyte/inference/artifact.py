"""Models that a training run left under artifacts/models/NAME: which of them to take, and how it becomes a backend."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .engine import EngineBackend
from .engine_errors import EngineError
from .local import LocalTransformerBackend, import_torch

BASELM_NAME = "BaseLM"
PREFERRED_SUFFIXES = ("-DPO", "-SFT", "")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_END_TOKENS = ("<|end|>", "<|endoftext|>", "<|im_end|>", "</s>", "<eos>")

Loader = Callable[[Mapping[str, Any], Path, Mapping[str, Any]], tuple[Any, Any]]
"""(weights by name, artifact directory, config.json) to (model, tokenizer)."""

_loaders: dict[str, Loader] = {}


class ArtifactError(RuntimeError):
    """An artifact is there and cannot be used; the message says which file and why."""


@dataclass
class LoadedArtifact:
    """A model with its tokenizer and where they came from. `manifest` and `config` are the JSON files, {} if absent."""

    name: str
    model: Any
    tokenizer: Any
    artifact_dir: Path
    manifest: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


class _SizedTokenizer:
    """A tokenizer that is told how many ids the model knows, where it has a method for that."""

    def __init__(self, tokenizer: Any, vocab_size: Any) -> None:
        self._tokenizer = tokenizer
        self._vocab_size = vocab_size
        self.decode = tokenizer.decode

    def encode(self, text: str) -> Any:
        if self._vocab_size is not None and hasattr(self._tokenizer, "encode_with_vocab_size"):
            return self._tokenizer.encode_with_vocab_size(text, self._vocab_size)
        return self._tokenizer.encode(text)


class ArtifactBackend(LocalTransformerBackend):
    """A loaded artifact as a backend; `artifact` has `name`, `model`, `tokenizer`, `artifact_dir` and `manifest`.

    The end token, unless given, is the first of the usual ones that the tokenizer's `special_to_id` has.
    info.extra: artifact_dir, canonical_name, source and kind of the manifest.
    """

    def __init__(
        self,
        artifact: Any,
        *,
        eos_id: int | None = None,
        name: str = "artifact",
        extra: dict[str, Any] | None = None,
    ) -> None:
        self._artifact = artifact
        manifest: Mapping[str, Any] = getattr(artifact, "manifest", None) or {}
        family = getattr(artifact, "canonical_name", None) or manifest.get("canonical_name", _family(artifact.name))
        if eos_id is None:
            special = getattr(artifact.tokenizer, "special_to_id", None) or {}
            eos_id = next((special[token] for token in _END_TOKENS if token in special), None)
        super().__init__(
            artifact.model,
            _SizedTokenizer(artifact.tokenizer, getattr(artifact.model, "vocab_size", None)),
            model_id=artifact.name,
            eos_id=eos_id,
            name=name,
            extra={
                "artifact_dir": str(artifact.artifact_dir),
                "canonical_name": family,
                "source": manifest.get("source"),
                "kind": manifest.get("kind"),
                **(extra or {}),
            },
        )

    @property
    def artifact(self) -> Any:
        return self._artifact

    @property
    def raw_tokenizer(self) -> Any:
        """The artifact's own tokenizer, which does not know the model's vocabulary size."""
        return self._artifact.tokenizer


class EngineArtifactBackend(EngineBackend):
    """An artifact that the engine runs; `artifact_dir` is its folder, info.extra as an `ArtifactBackend` has it."""

    def __init__(
        self, name: str, artifact_dir: Path, manifest: Mapping[str, Any], *, extra: dict[str, Any] | None = None
    ) -> None:
        weights = _weights(artifact_dir)
        self.artifact_dir = artifact_dir
        super().__init__(
            weights if weights is not None and weights.suffix == ".gguf" else artifact_dir,
            name="artifact",
            model_id=name,
            extra={
                "artifact_dir": str(artifact_dir),
                "canonical_name": manifest.get("canonical_name", _family(name)),
                "source": manifest.get("source"),
                "kind": manifest.get("kind"),
                **(extra or {}),
            },
        )


def register_artifact_loader(kind: str, loader: Loader) -> None:
    """Lets `load_artifact_backend` open a model.pt whose manifest has this `kind`; a later loader replaces an earlier.

    The file is read by torch with weights_only, so that it can carry tensors and nothing that runs.
    """
    _loaders[kind] = loader


def find_repo_root(repo_root: str | Path | None = None) -> Path:
    """`repo_root`, else the nearest folder from here upwards that has artifacts/models, else here."""
    if repo_root is not None:
        return Path(repo_root)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "artifacts" / "models").is_dir()), here)


def artifact_dir(name: str, repo_root: str | Path | None = None) -> Path:
    """Where the artifact `name` is or would be. ValueError when `name` is not a plain folder name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"artifact name: expected letters, digits, '.', '_' and '-', found {name!r}")
    return find_repo_root(repo_root) / "artifacts" / "models" / name


def read_json_object(file: Path) -> dict[str, Any]:
    """A JSON object; {} where the file is not there, ArtifactError where it holds something else."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as cause:
        raise ArtifactError(f"{file}: {cause}") from cause
    if not isinstance(value, dict):
        raise ArtifactError(f"{file}: expected a JSON object, found {type(value).__name__}")
    return value


def _weights(folder: Path) -> Path | None:
    """The file, or the first of several, that holds the weights."""
    for pattern in ("*.gguf", "*.safetensors", "model.pt"):
        if files := sorted(folder.glob(pattern)):
            return files[0]
    return None


def _exists(name: str, root: Path) -> bool:
    return _weights(artifact_dir(name, root)) is not None


def _family(name: str) -> str:
    return next((name.removesuffix(suffix) for suffix in PREFERRED_SUFFIXES if suffix and name.endswith(suffix)), name)


def _strength(name: str, root: Path) -> tuple[float, float, str]:
    """Orders artifacts: the manifest's `rank`, then its `parameters` or else the size of the weights, then the name."""
    folder = artifact_dir(name, root)
    manifest = read_json_object(folder / "manifest.json")
    weights = _weights(folder)
    numbers = [manifest.get(key) for key in ("rank", "parameters")]
    rank, size = (float(number) if isinstance(number, (int, float)) else 0.0 for number in numbers)
    return rank, size or (weights.stat().st_size if weights else 0.0), name


def choose_artifact(
    artifact_name: str | None = None,
    *,
    repo_root: str | Path | None = None,
    prefer_suffixes: Sequence[str] = PREFERRED_SUFFIXES,
) -> tuple[str | None, list[str]]:
    """The name of the artifact to take, None if there is none, and what was tried in order.

    A name takes NAME plus the first of `prefer_suffixes` that is there. None takes, suffix by suffix, the strongest
    artifact that has it (the empty suffix: one that has none of them), and BaseLM last.
    """
    root = find_repo_root(repo_root)
    if artifact_name is not None:
        is_variant = any(suffix and artifact_name.endswith(suffix) for suffix in prefer_suffixes)
        names = [artifact_name] if is_variant else [artifact_name + suffix for suffix in prefer_suffixes]
        return next((name for name in names if _exists(name, root)), None), names
    models = root / "artifacts" / "models"
    folders = sorted(models.iterdir()) if models.is_dir() else []
    there = [f.name for f in folders if f.name != BASELM_NAME and _NAME.fullmatch(f.name) and _exists(f.name, root)]
    for suffix in prefer_suffixes:
        fitting = [name for name in there if (name.endswith(suffix) if suffix else _family(name) == name)]
        if fitting:
            return max(fitting, key=lambda name: _strength(name, root)), fitting
    tried = [f"*{suffix}" for suffix in prefer_suffixes] + [BASELM_NAME]
    return (BASELM_NAME if _exists(BASELM_NAME, root) else None), tried


def load_artifact_backend(
    artifact_name: str | None = None,
    *,
    repo_root: str | Path | None = None,
    device: str | None = "auto",
    torch_dtype: str | None = None,
    prefer_suffixes: Sequence[str] = PREFERRED_SUFFIXES,
    required: bool = True,
    extra: dict[str, Any] | None = None,
) -> ArtifactBackend | EngineArtifactBackend | None:
    """A backend over artifacts/models/NAME, chosen as `choose_artifact` says: GGUF and safetensors run in the engine.

    For a model.pt: device "auto" is a GPU where torch finds one, else the processor; torch_dtype e.g. "float16", None as stored.
    Not there: FileNotFoundError saying what was tried, or None with required=False. There and not usable: ArtifactError.
    """
    root = find_repo_root(repo_root)
    name, tried = choose_artifact(artifact_name, repo_root=root, prefer_suffixes=prefer_suffixes)
    if name is None:
        if not required:
            return None
        raise FileNotFoundError(f"no model artifact in {root / 'artifacts' / 'models'}: tried {', '.join(tried)}")
    folder = artifact_dir(name, root)
    manifest = read_json_object(folder / "manifest.json")
    config = read_json_object(folder / "config.json")
    weights = _weights(folder)
    if weights is None:
        raise ArtifactError(f"{folder}: the weights are gone")
    if weights.name != "model.pt":
        if device not in (None, "auto", "cpu") or torch_dtype is not None:
            raise ArtifactError(f"{weights}: device and torch_dtype are for a model.pt; the engine runs this on the processor")
        try:
            return EngineArtifactBackend(name, folder, manifest, extra=extra)
        except (EngineError, ImportError) as cause:
            raise ArtifactError(f"{folder}: {cause}") from cause
    kind = manifest.get("kind", config.get("kind"))
    if kind not in _loaders:
        known = ", ".join(sorted(_loaders)) or "none"
        raise ArtifactError(f"{weights}: no loader for kind {kind!r}, registered: {known}")
    model, tokenizer = _loaders[kind](_read_weights(weights, device), folder, config)
    if torch_dtype is not None:
        model = model.to(_dtype(torch_dtype))
    return ArtifactBackend(LoadedArtifact(name, model, tokenizer, folder, manifest, config), extra=extra)


def _read_weights(file: Path, device: str | None) -> Mapping[str, Any]:
    try:
        torch = import_torch()
    except ImportError as cause:
        raise ArtifactError(f"{file}: reading it needs torch, which is not installed") from cause
    if device in (None, "auto"):
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        weights: Mapping[str, Any] = torch.load(file, map_location=device, weights_only=True)
    except Exception as cause:  # torch raises whatever its unpickler meets
        raise ArtifactError(f"{file}: {cause}") from cause
    return weights


def _dtype(name: str) -> Any:
    torch = import_torch()
    dtype = getattr(torch, name.removeprefix("torch."), None)
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"torch_dtype: expected the name of a torch dtype, found {name!r}")
    return dtype
