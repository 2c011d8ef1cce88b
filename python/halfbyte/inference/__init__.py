"""One small interface over every way to run a language model: `Backend`, its kinds, and what is measured through it."""

from .artifact import (
    ArtifactBackend,
    ArtifactError,
    EngineArtifactBackend,
    LoadedArtifact,
    load_artifact_backend,
    register_artifact_loader,
)
from .backend import Backend, BackendInfo, ChatResult, InferenceResult, ReplyChoice, ScoredToken, ToolCall
from .benchmark import BenchmarkResult, benchmark
from .engine import DEFAULT_ENGINE_MODEL, EngineBackend
from .engine_errors import EngineError
from .evaluate import EvaluationResult, evaluate
from .local import LocalTransformerBackend
from .mlx import MLXBackend
from .named import open_backend
from .ollama import DEFAULT_OLLAMA_URL, OllamaBackend, OllamaError
from .openai import DEFAULT_OPENAI_URL, OpenAIBackend, OpenAIError
from .prodlm import (
    DEFAULT_PRODLM_MODEL_ID,
    PRODLM_KIND,
    PRODLM_NAME,
    load_default_backend,
    load_prodlm_backend,
    prodlm_manifest_exists,
    write_prodlm_manifest,
)
from .router import Route, RouterBackend, RouterError

__all__ = [
    "DEFAULT_ENGINE_MODEL",
    "DEFAULT_OLLAMA_URL",
    "DEFAULT_OPENAI_URL",
    "DEFAULT_PRODLM_MODEL_ID",
    "PRODLM_KIND",
    "PRODLM_NAME",
    "ArtifactBackend",
    "ArtifactError",
    "Backend",
    "BackendInfo",
    "BenchmarkResult",
    "ChatResult",
    "EngineArtifactBackend",
    "EngineBackend",
    "EngineError",
    "EvaluationResult",
    "InferenceResult",
    "LoadedArtifact",
    "LocalTransformerBackend",
    "MLXBackend",
    "OllamaBackend",
    "OllamaError",
    "OpenAIBackend",
    "OpenAIError",
    "ReplyChoice",
    "Route",
    "RouterBackend",
    "RouterError",
    "ScoredToken",
    "ToolCall",
    "benchmark",
    "evaluate",
    "load_artifact_backend",
    "load_default_backend",
    "load_prodlm_backend",
    "open_backend",
    "prodlm_manifest_exists",
    "register_artifact_loader",
    "write_prodlm_manifest",
]
