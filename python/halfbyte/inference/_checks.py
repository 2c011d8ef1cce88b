"""What is refused before any model or server is asked, the same for every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ._sampling import SAMPLING_FIELDS, checked


def check_request(
    prompt: str,
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    further: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`check_sampling`, and a prompt that is there."""
    check_text("prompt", prompt)
    return check_sampling(max_new_tokens, temperature, top_k, top_p, further)


def check_sampling(
    max_new_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    further: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The four numbers and what else is given, as they go into a result's `metadata["sampling"]`; TypeError or ValueError
    names the argument."""
    check_integer("max_new_tokens", max_new_tokens)
    if max_new_tokens < 1:
        raise ValueError(f"max_new_tokens: expected 1 or more, found {max_new_tokens}")
    SAMPLING_FIELDS["temperature"].check(temperature)
    given = checked({"top_k": top_k, "top_p": top_p, **(further or {})})
    return {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p, **given}


def check_more(seed: int | None, stop: Sequence[str] | None) -> dict[str, Any]:
    """`seed` and `stop` as they are handed on: those that are given, so that a backend without them is asked as ever."""
    more: dict[str, Any] = {}
    if seed is not None:
        SAMPLING_FIELDS["seed"].check(seed)
        more["seed"] = seed
    if isinstance(stop, str) or not isinstance(stop, (Sequence, type(None))):
        raise TypeError(f"stop: expected a list of strings, found {stop!r}")
    for number, text in enumerate(stop or ()):
        check_text(f"stop[{number}]", text)
    if stop:
        more["stop"] = list(stop)
    return more


def check_text(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{name}: expected a string, found {type(text).__name__}")
    if not text:
        raise ValueError(f"{name}: expected text, found an empty string")


def check_integer(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"{name}: expected an int, found {number!r}")


def check_number(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise TypeError(f"{name}: expected a number, found {number!r}")
    if not math.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, found {number}")


def check_timeout(timeout: object) -> None:
    check_number("timeout", timeout)
    if not isinstance(timeout, (int, float)) or timeout <= 0:
        raise ValueError(f"timeout: expected more than 0 seconds, found {timeout}")


def check_messages(messages: object) -> None:
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise TypeError(f"messages: expected a list of messages, found {type(messages).__name__}")
    if not messages:
        raise ValueError("messages: expected at least one, found none")
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise TypeError(f"messages[{number}]: expected a dict, found {type(message).__name__}")
        if not isinstance(message.get("role"), str) or not message["role"]:
            raise ValueError(f"messages[{number}]: expected a role, found {message.get('role')!r}")
