"""Records what PyPI gguf's numpy reference decodes from random blocks.

Usage: make.py [folder]   writes <format>.bin: n blocks as in a file, then their weights as float32. Needs numpy, gguf 0.x.
Scales are finite; every fourth block has an extreme one (zero, subnormal, greatest).
"""
import sys
from pathlib import Path

import gguf
import numpy as np

EXTREME = np.array([0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00], np.uint16)
# Byte offsets of the half-precision fields in a block.
HALFS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [], "F16": [0], "BF16": [], "F32": [],
}


def halfs(rng, n):
    values = (rng.standard_normal(n) * 10.0 ** rng.uniform(-4, 2, n)).astype(np.float16).view(np.uint16)
    values[::4] = EXTREME[np.arange(len(values[::4])) % len(EXTREME)]
    return values


def blocks_of(name, rng):
    kind = gguf.GGMLQuantizationType[name]
    length, size = gguf.GGML_QUANT_SIZES[kind]
    n = {1: 512, 32: 32, 256: 16}[length]
    if name == "F32":
        blocks = rng.standard_normal(n).astype(np.float32).view(np.uint8).reshape(n, size)
    else:
        blocks = rng.integers(0, 256, (n, size), np.uint8)
    for offset in HALFS[name]:
        blocks[:, offset : offset + 2] = halfs(rng, n).view(np.uint8).reshape(n, 2)
    if name == "BF16":  # no infinity, no NaN
        blocks[:, 1] = np.where((blocks[:, 1] & 0x7F) == 0x7F, blocks[:, 1] ^ 1, blocks[:, 1])
    if name == "MXFP4":
        blocks[:, 0] %= 253
        blocks[:4, 0] = [0, 1, 2, 252]
    return kind, blocks


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    rng = np.random.default_rng(20260101)
    for name in HALFS:
        kind, blocks = blocks_of(name, rng)
        weights = gguf.quants.dequantize(blocks, kind).astype(np.float32)
        (folder / f"{name}.bin").write_bytes(blocks.tobytes() + weights.tobytes())


main()
