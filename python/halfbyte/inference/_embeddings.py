"""Embeddings as services answer them; the C++ package reads the same way (backends/embeddings.h)."""

from __future__ import annotations

import array
import base64
import binascii
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ._answer import AnswerError, count_at, found, list_at
from ._checks import check_text

POOLINGS = ("mean", "last", "first")


def check_texts(texts: object) -> list[str]:
    """TypeError or ValueError names what is no list of texts."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Sequence):
        raise TypeError(f"texts: expected a list of strings, found {type(texts).__name__}")
    if not texts:
        raise ValueError("texts: expected at least one, found none")
    for number, text in enumerate(texts):
        check_text(f"texts[{number}]", text)
    return list(texts)


def check_pooling(pooling: object) -> None:
    if pooling is not None and pooling not in POOLINGS:
        raise ValueError(f"pooling: expected {', '.join(POOLINGS)} or None, found {pooling!r}")


def refuse_pooling(pooling: object, service: str) -> None:
    check_pooling(pooling)
    if pooling is not None:
        raise NotImplementedError(f"pooling: {service} has no such option")


def read_ollama(answer: Mapping[str, Any], count: int) -> list[list[float]]:
    """{embeddings: [[number, ...], ...]}."""
    vectors = list_at(answer, "embeddings", "")
    return _checked([_vector(value, f"embeddings[{number}]") for number, value in enumerate(vectors)], count)


def read_openai(answer: Mapping[str, Any], count: int) -> list[list[float]]:
    """{data: [{index, embedding}]}: numbers, or base64 of float32 in little-endian order. In order where there is no index."""
    read: dict[int, list[float]] = {}
    for number, value in enumerate(list_at(answer, "data", "")):
        path = f"data[{number}]"
        if not isinstance(value, dict):
            raise AnswerError(f"{path}: expected an object, found {found(value)}")
        index = count_at(value, "index", f"{path}.")
        read.setdefault(number if index is None else index, _vector(value.get("embedding"), f"{path}.embedding"))
    return _checked([read[index] for index in range(count) if index in read], count)


def _vector(value: Any, path: str) -> list[float]:
    if isinstance(value, str):
        return _decoded(value, path)
    if not isinstance(value, list):
        raise AnswerError(f"{path}: expected a list of numbers, found {found(value)}")
    for number, part in enumerate(value):
        if isinstance(part, bool) or not isinstance(part, (int, float)):
            raise AnswerError(f"{path}[{number}]: expected a number, found {found(part)}")
    return [float(part) for part in value]


def _decoded(text: str, path: str) -> list[float]:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b"?"
    if len(raw) % 4:
        raise AnswerError(f"{path}: expected base64 of 32-bit floats, found other text")
    numbers = array.array("f", raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _checked(vectors: list[list[float]], count: int) -> list[list[float]]:
    if len(vectors) != count:
        raise AnswerError(f"expected {count} embeddings, found {len(vectors)}")
    return vectors
