"""Models of a few kilobytes for the engine, made from the tiny checkpoints of tests/data: random weights, a byte for a token."""

from __future__ import annotations

import array
import functools
import importlib.util
import json
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

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


def tiny_adapter(name: str, *, checkpoint: str = "gemma3", strength: float = 1.0) -> Path:
    """A GGUF file with a low-rank adapter of `tiny_model(checkpoint)` for what its attention gives on."""
    convert = _converter()
    source = TESTS / "data" / "tiny" / checkpoint
    config = json.loads((source / "config.json").read_text())
    architecture = convert.ARCHITECTURES[config["model_type"]]
    rank, tensors = 2, {}
    for matrix, tensor in convert.convert_tensors(
        config, architecture, convert.read_safetensors(source / "model.safetensors")
    ).items():
        if not matrix.endswith("attn_output.weight"):
            continue
        rows, columns = tensor.shape
        a = array.array("f", [((i * 7919) % 101 - 50) / 50 for i in range(rank * columns)])
        b = array.array("f", [strength * ((i * 31) % 7 - 3) for i in range(rows * rank)])
        tensors[f"{matrix}.lora_a"] = convert.Tensor([rank, columns], a)
        tensors[f"{matrix}.lora_b"] = convert.Tensor([rows, rank], b)
    keys = [
        ("general.architecture", convert.STRING, architecture),
        ("general.type", convert.STRING, "adapter"),
        ("adapter.type", convert.STRING, "lora"),
        ("adapter.lora.alpha", convert.FLOAT32, float(rank)),
    ]
    file = Path(_folder().name) / f"{name}.gguf"
    convert.write_gguf(file, keys, tensors)
    return file


TOOLS_TEMPLATE = (
    "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}{% for m in messages %}<{{ m.role }}>{{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.function.name }}{% endfor %}{% endfor %}{# <tool_call> #}<assistant>"
)


@functools.cache
def scripted_model(*pieces: str, chat_template: str = TOOLS_TEMPLATE) -> Path:
    """A GGUF file whose greedy answer to everything is `pieces`, a token each.

    Its layers add nothing: the embedding of piece i is dimension i + 1, of any other token dimension 0, and the head makes
    dimension i piece i, after the last the end.
    """
    convert = _converter()
    source = TESTS / "data" / "tiny" / "llama-hd"
    config = json.loads((source / "config.json").read_text())
    alphabet = convert.byte_level_alphabet()
    first, end = 3 + 256 + 2, 2  # after the control tokens, the bytes and two merges
    keys = convert.metadata(config, "llama", "scripted") + [("tokenizer.chat_template", convert.STRING, chat_template)]
    for key, _, value in keys:
        if key in ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type"):
            entries = value[1]
            is_text = key.endswith("tokens")
            for i, piece in enumerate(pieces):
                entries[first + i] = "".join(alphabet[byte] for byte in piece.encode()) if is_text else 1
    width, vocabulary = config["hidden_size"], config["vocab_size"]
    assert len(pieces) < width

    def rows(dimension_of: dict[int, int], otherwise: int | None) -> Any:
        values = array.array("f", bytes(4 * vocabulary * width))
        for token in range(vocabulary):
            dimension = dimension_of.get(token, otherwise)
            if dimension is not None:
                values[token * width + dimension] = 1.0
        return convert.Tensor([vocabulary, width], values)

    tensors = {
        name: convert.Tensor(tensor.shape, array.array("f", [float("norm" in name)]) * len(tensor.values))
        for name, tensor in convert.convert_tensors(
            config, "llama", convert.read_safetensors(source / "model.safetensors")
        ).items()
    }
    tensors["token_embd.weight"] = rows({first + i: i + 1 for i in range(len(pieces))}, 0)
    tensors["output.weight"] = rows({**{first + i: i for i in range(len(pieces))}, end: len(pieces)}, None)
    file = Path(_folder().name) / f"scripted-{len(list(Path(_folder().name).iterdir()))}.gguf"
    convert.write_gguf(file, keys, tensors)
    return file
