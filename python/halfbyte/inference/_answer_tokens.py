"""Tokens with their log-probabilities, as services tell them. Read as `_answer` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._answer import AnswerError, count_at, found, list_at, number_at, whole, word_at
from .backend import ScoredToken


def read_scored_tokens(tokens: Sequence[Any], path: str) -> list[ScoredToken]:
    """A list of {token, logprob, bytes, top_logprobs}, as chats and Ollama have it: where there are `bytes` they are the text."""
    read = []
    for number, token in enumerate(tokens):
        place = f"{path}[{number}]"
        one = _read_token(token, place)
        for rank, other in enumerate(list_at(token, "top_logprobs", f"{place}.")):
            one.likeliest.append(_read_token(other, f"{place}.top_logprobs[{rank}]"))
        read.append(one)
    return read


def read_token_lists(lists: Mapping[str, Any], path: str) -> list[ScoredToken]:
    """{tokens, token_logprobs, top_logprobs}, as the older route has it: three lists of equal length, or the last one absent."""
    texts = list_at(lists, "tokens", path)
    numbers = list_at(lists, "token_logprobs", path)
    likeliest = list_at(lists, "top_logprobs", path)
    if len(numbers) != len(texts) or (likeliest and len(likeliest) != len(texts)):
        raise AnswerError(
            f"{path}tokens: expected as many log-probabilities as tokens, found {len(numbers)} and {len(likeliest)} for {len(texts)}"
        )
    read = []
    for number, (text, logprob) in enumerate(zip(texts, numbers, strict=True)):
        one = _read_token({"token": text, "logprob": logprob}, f"{path}tokens[{number}]")
        others = likeliest[number] if likeliest else None
        if others is not None:
            place = f"{path}top_logprobs[{number}]"
            if not isinstance(others, dict):
                raise AnswerError(f"{place}: expected an object, found {found(others)}")
            named = [ScoredToken(whole(key), _logprob_at(others, key, f"{place}.")) for key in others]
            one.likeliest = sorted(named, key=lambda token: -token.log_probability)
        read.append(one)
    return read


def _read_token(token: Any, path: str) -> ScoredToken:
    if not isinstance(token, dict):
        raise AnswerError(f"{path}: expected an object, found {found(token)}")
    text = whole(word_at(token, "token", f"{path}."))
    numbers = list_at(token, "bytes", f"{path}.")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 255:
            raise AnswerError(f"{path}.bytes: expected numbers from 0 to 255, found {found(number)}")
    raw = bytes(numbers) if numbers else text.encode()
    number = count_at(token, "id", f"{path}.")
    return ScoredToken(raw.decode("utf-8", "replace"), _logprob_at(token, "logprob", f"{path}."), number, raw)


def _logprob_at(value: Mapping[str, Any], key: str, path: str) -> float:
    number = number_at(value, key, path)
    if number is None:
        raise AnswerError(f"{path}{key}: expected a number, found null")
    return float(number)
