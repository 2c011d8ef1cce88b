"""Models of a few kilobytes for the engine, made from the tiny checkpoints of tests/data: random weights, a byte for a token."""

from __future__ import annotations

import functools
import importlib.util
import json
import tempfile
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).parents[1]
CHAT_TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>"


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="halfbyte-tiny-")  # gone with the process


@functools.cache
def _converter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny_to_gguf", TESTS / "tiny_to_gguf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@functools.cache
def tiny_model(checkpoint: str = "gemma3", *, chat_template: str | None = CHAT_TEMPLATE, context: int = 512) -> Path:
    """A GGUF file that says it reads `context` tokens; the same one each time."""
    convert = _converter()
    source = TESTS / "data" / "tiny" / checkpoint
    config = json.loads((source / "config.json").read_text())
    architecture = convert.ARCHITECTURES[config["model_type"]]
    keys = convert.metadata(config, architecture, checkpoint)
    keys = [(key, kind, context if key.endswith(".context_length") else value) for key, kind, value in keys]
    if chat_template is not None:
        keys.append(("tokenizer.chat_template", convert.STRING, chat_template))
    tensors = convert.convert_tensors(config, architecture, convert.read_safetensors(source / "model.safetensors"))
    kind = "chat" if chat_template else "base"
    file = Path(_folder().name) / f"{checkpoint}-{kind}-{context}.gguf"
    convert.write_gguf(file, keys, tensors)
    return file
