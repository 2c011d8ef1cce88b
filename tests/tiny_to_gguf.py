#!/usr/bin/env python3
"""Turns the tiny checkpoints of tests/data/tiny into float32 GGUF files, as llama.cpp's converter writes them.

usage: tiny_to_gguf.py CHECKPOINT_FOLDER OUT.gguf        (standard library only)

What the converter does beyond renaming: q and k rows of llama are reordered from "halves" to "adjacent pairs"; llama3's
rope scaling becomes a tensor of factors; gemma's norms, stored as w, become 1 + w; gpt2's matrices are transposed; a tied
output matrix is left out; the matrices of a layer's experts become one tensor.
"""
import array
import json
import math
import re
import struct
import sys
from pathlib import Path
from typing import NamedTuple

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "qwen3_moe": "qwen3moe",
                 "gemma3_text": "gemma3", "gpt2": "gpt2"}

# In Gemma the norm after attention has the name that the others use for the norm before the feed-forward part.
LAYER_NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "mlp.gate": "ffn_gate_inp",
    "mlp.experts.gate_proj": "ffn_gate_exps", "mlp.experts.up_proj": "ffn_up_exps", "mlp.experts.down_proj": "ffn_down_exps",
}
GEMMA_LAYER_NAMES = LAYER_NAMES | {
    "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
GPT2_LAYER_NAMES = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}
TOP_NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
}

UINT32, INT32, FLOAT32, STRING, ARRAY = 4, 5, 6, 8, 9  # GGUF's value types
ALIGNMENT = 32


class Tensor(NamedTuple):
    shape: list[int]  # slowest first
    values: array.array  # float32


def read_safetensors(path: Path) -> dict[str, Tensor]:
    raw = path.read_bytes()
    (header_bytes,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8:8 + header_bytes])
    data = raw[8 + header_bytes:]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        assert entry["dtype"] == "F32", name
        begin, end = entry["data_offsets"]
        tensors[name] = Tensor(entry["shape"], array.array("f", data[begin:end]))
    return tensors


def gguf_name(name: str, architecture: str) -> str:
    stem, suffix = name.rsplit(".", 1)
    if stem in TOP_NAMES:
        return f"{TOP_NAMES[stem]}.{suffix}"
    layer, part = stem.removeprefix("model.layers.").removeprefix("transformer.h.").split(".", 1)
    names = {"gemma3": GEMMA_LAYER_NAMES, "gpt2": GPT2_LAYER_NAMES}.get(architecture, LAYER_NAMES)
    return f"blk.{layer}.{names[part]}.{suffix}"


def adjacent_pairs(tensor: Tensor, heads: int) -> Tensor:
    """Per head, rows 0..d/2 and d/2..d interleaved: pair i turns rows i and i + d/2, GGUF's llama has them side by side."""
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    dim = rows // heads
    out = array.array("f")
    for head in range(heads):
        for pair in range(dim // 2):
            for half in range(2):
                row = head * dim + half * (dim // 2) + pair
                out += tensor.values[row * columns:(row + 1) * columns]
    return Tensor(tensor.shape, out)


def transposed(tensor: Tensor) -> Tensor:
    rows, columns = tensor.shape
    out = array.array("f")
    for column in range(columns):
        out += tensor.values[column::columns]
    return Tensor([columns, rows], out)


def llama3_rope_factors(rope: dict, head_dim: int) -> Tensor:
    """Divisors of the rope frequencies: 1 for short waves, `factor` for long ones, smooth between (Llama 3.1)."""
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    context = rope["original_max_position_embeddings"]
    out = array.array("f")
    for i in range(0, head_dim, 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (i / head_dim)
        if wavelength < context / high:
            out.append(1.0)
        elif wavelength > context / low:
            out.append(factor)
        else:
            smooth = (context / wavelength - low) / (high - low)
            out.append(1 / ((1 - smooth) / factor + smooth))
    return Tensor([len(out)], out)


def with_experts_joined(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors N.experts.0.M, N.experts.1.M .. as one tensor N.experts.M."""
    out, expert = {}, re.compile(r"\.experts\.(\d+)\.")
    for name, tensor in sorted(tensors.items(), key=lambda item: [int(n) for n in expert.findall(item[0])]):
        joined = expert.sub(".experts.", name)
        if joined == name:
            out[name] = tensor
            continue
        before = out.get(joined, Tensor([0, *tensor.shape], array.array("f")))
        out[joined] = Tensor([before.shape[0] + 1, *tensor.shape], before.values + tensor.values)
    return out


def convert_tensors(config: dict, architecture: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    out = {}
    for name, tensor in with_experts_joined(tensors).items():
        if architecture == "llama" and ".q_proj." in name:
            tensor = adjacent_pairs(tensor, config["num_attention_heads"])
        elif architecture == "llama" and ".k_proj." in name:
            tensor = adjacent_pairs(tensor, config["num_key_value_heads"])
        elif architecture == "gemma3" and name.endswith("norm.weight"):
            tensor = Tensor(tensor.shape, array.array("f", (1 + w for w in tensor.values)))
        elif architecture == "gpt2" and ".c_" in name and name.endswith(".weight"):  # its "Conv1D"
            tensor = transposed(tensor)
        out[gguf_name(name, architecture)] = tensor
    rope = config.get("rope_parameters", {})
    if rope.get("rope_type") == "llama3":
        out["rope_freqs.weight"] = llama3_rope_factors(rope, config["head_dim"])
    return out


def byte_level_alphabet() -> list[str]:
    """GPT-2's printable character for each byte."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    other = [b for b in range(256) if b not in printable]
    characters = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(other)}
    return [characters[b] for b in range(256)]


def gpt2_keys(config: dict) -> list[tuple[str, int, object]]:
    return [
        ("gpt2.context_length", UINT32, config["n_positions"]),
        ("gpt2.embedding_length", UINT32, config["n_embd"]),
        ("gpt2.block_count", UINT32, config["n_layer"]),
        ("gpt2.feed_forward_length", UINT32, config["n_inner"] or 4 * config["n_embd"]),
        ("gpt2.attention.head_count", UINT32, config["n_head"]),
        ("gpt2.attention.layer_norm_epsilon", FLOAT32, config["layer_norm_epsilon"]),
    ]


def decoder_keys(config: dict, a: str) -> list[tuple[str, int, object]]:
    rope = config["rope_parameters"]
    full = rope.get("full_attention", rope)
    head_dim = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    keys = [
        (f"{a}.context_length", UINT32, config["max_position_embeddings"]),
        (f"{a}.embedding_length", UINT32, config["hidden_size"]),
        (f"{a}.block_count", UINT32, config["num_hidden_layers"]),
        (f"{a}.feed_forward_length", UINT32, config["intermediate_size"]),
        (f"{a}.attention.head_count", UINT32, config["num_attention_heads"]),
        (f"{a}.attention.head_count_kv", UINT32, config["num_key_value_heads"]),
        (f"{a}.attention.key_length", UINT32, head_dim),
        (f"{a}.attention.value_length", UINT32, head_dim),
        (f"{a}.attention.layer_norm_rms_epsilon", FLOAT32, config["rms_norm_eps"]),
        (f"{a}.rope.dimension_count", UINT32, head_dim),
        (f"{a}.rope.freq_base", FLOAT32, full["rope_theta"]),
    ]
    if config.get("sliding_window"):
        keys.append((f"{a}.attention.sliding_window", UINT32, config["sliding_window"]))
    if experts := config.get("num_local_experts"):
        keys += [
            (f"{a}.expert_count", UINT32, experts),
            (f"{a}.expert_used_count", UINT32, config["num_experts_per_tok"]),
            (f"{a}.expert_feed_forward_length", UINT32, config["moe_intermediate_size"]),
        ]
    if full["rope_type"] == "yarn":
        keys += [
            (f"{a}.rope.scaling.type", STRING, "yarn"),
            (f"{a}.rope.scaling.factor", FLOAT32, full["factor"]),
            (f"{a}.rope.scaling.original_context_length", UINT32, full["original_max_position_embeddings"]),
        ]
    return keys


def metadata(config: dict, architecture: str, name: str) -> list[tuple[str, int, object]]:
    keys = [
        ("general.architecture", STRING, architecture),
        ("general.name", STRING, name),
        ("general.file_type", UINT32, 0),
        (f"{architecture}.vocab_size", UINT32, config["vocab_size"]),
    ]
    keys += gpt2_keys(config) if architecture == "gpt2" else decoder_keys(config, architecture)
    # The checkpoints have no tokenizer; any valid vocabulary of that size lets the file open.
    tokens = ["<pad>", "<s>", "</s>", *byte_level_alphabet(), "Ġt", "he"]
    kinds = [3, 3, 3] + [1] * 258  # control, normal
    spare = config["vocab_size"] - len(tokens)
    tokens += [f"<unused{i}>" for i in range(spare)]
    kinds += [5] * spare
    return keys + [
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (INT32, kinds)),
        ("tokenizer.ggml.merges", ARRAY, (STRING, ["Ġ t", "h e"])),
        ("tokenizer.ggml.padding_token_id", UINT32, 0),
        ("tokenizer.ggml.bos_token_id", UINT32, 1),
        ("tokenizer.ggml.eos_token_id", UINT32, 2),
    ]


def encoded(kind: int, value) -> bytes:
    if kind == STRING:
        text = value.encode()
        return struct.pack("<Q", len(text)) + text
    if kind == ARRAY:
        element, values = value
        return struct.pack("<IQ", element, len(values)) + b"".join(encoded(element, v) for v in values)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f"}[kind], value)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)


def write_gguf(path: Path, keys: list[tuple[str, int, object]], tensors: dict[str, Tensor]) -> None:
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    for key, kind, value in keys:
        header += encoded(STRING, key) + struct.pack("<I", kind) + encoded(kind, value)
    data = b""
    for name, tensor in tensors.items():
        header += encoded(STRING, name) + struct.pack("<I", len(tensor.shape))
        header += b"".join(struct.pack("<Q", d) for d in reversed(tensor.shape))  # GGUF: fastest first
        header += struct.pack("<IQ", 0, len(data))  # F32
        data += padded(tensor.values.tobytes())
    path.write_bytes(padded(header) + data)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: tiny_to_gguf.py CHECKPOINT_FOLDER OUT.gguf")
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    config = json.loads((folder / "config.json").read_text())
    architecture = ARCHITECTURES[config["model_type"]]
    tensors = convert_tensors(config, architecture, read_safetensors(folder / "model.safetensors"))
    write_gguf(out, metadata(config, architecture, folder.name), tensors)


if __name__ == "__main__":
    main()
