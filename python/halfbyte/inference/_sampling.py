"""The options that say how a token is chosen, once for all backends: as `include/halfbyte/sampling.h` lists them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ._adapters import check_adapters
from ._response_format import check_response_format

_MANY = 2**30


class FurtherSampling(TypedDict, total=False):
    """What a method takes beside the options it names; absent: the backend's own default. `SAMPLING_FIELDS` says the ranges."""

    response_format: Mapping[str, Any]  # what the reply is held to: `_response_format.py` lists the kinds
    min_p: float
    repeat_penalty: float
    presence_penalty: float
    frequency_penalty: float
    repeat_window: int
    typical_p: float
    top_n_sigma: float
    xtc_probability: float
    xtc_threshold: float
    dry_multiplier: float
    dry_base: float
    dry_allowed_length: int
    dry_penalty_last_n: int
    dynatemp_range: float
    dynatemp_exponent: float
    mirostat: int
    mirostat_tau: float
    mirostat_eta: float
    adaptive_target: float
    adaptive_decay: float
    logit_bias: Mapping[int, float]
    """Added to the logits of these token ids, -100 to 100; minus infinity: the token never comes."""
    allowed_tokens: Sequence[int]
    """No other token ids come, where there are some."""
    choices: int
    """So many replies, with `seed` and those after it: the result's `choices`. A stream's pieces are the first one's."""
    best_of: int
    """So many replies are made, `choices` to 20, and the likeliest told when all have ended."""
    min_tokens: int
    """No end token before so many tokens of the reply."""
    ignore_eos: bool
    """End tokens do not end the reply."""
    keep_tokens: int
    """A full context lets tokens behind the first so many of the prompt go, in place of an end or an error;
    `metadata["dropped_tokens"]` says how many went."""
    logprobs: int
    """The result has the reply's `tokens`, each with its log-probability and so many of the likeliest, 0 to 20."""
    prompt_logprobs: int
    """The result has the prompt's `prompt_logprobs` likewise."""
    thinking_budget: int
    """Most tokens that a model thinks before it answers."""
    timeout_ms: float
    """The reply ends with what has come by then."""
    priority: int
    """The greater starts first, and takes memory from the lesser."""
    principal: str
    """Who asks; shares no cache with others. On the wire `cache_salt`."""
    forced_prefix: str
    """The reply begins with this text, as if the model had said it."""
    stop_tokens: Sequence[int]
    """The reply ends with the first of these token ids."""
    adapters: Mapping[str, float] | Sequence[str]
    """Of the adapters (LoRA) that the backend was opened with: {name: scale}, or names alone, with scale 1; at most 4 add up."""
    beam_search: Mapping[str, Any]
    """{"width": 1 to 16, "length_penalty": number, "early_stopping": bool}, each with a default: the likeliest replies as a whole."""
    repetition_detection: Mapping[str, Any]
    """{"max_pattern_size", "min_pattern_size", "min_count"}, each with a default: ends a reply that goes in circles."""
    overflow: str
    """Of a chat that does not fit the context: "error", or "drop_turns": the oldest exchanges go, system messages stay;
    `metadata["dropped_turns"]` says how many messages went."""
    thinking: bool
    """Whether a model that can think before it answers does; absent: as the backend or the model's template has it."""


@dataclass(frozen=True)
class SamplingField:
    """One option: its names on the wire ("" where such a service cannot take it), its range, our engine's default, and the
    value with which it does nothing."""

    name: str
    ollama: str
    openai: str
    kind: type[int] | type[float]
    least: float
    greatest: float
    default: float
    neutral: float

    def check(self, value: object) -> None:
        """TypeError or ValueError names the option. A whole number may be greater than all: it counts as the greatest."""
        if isinstance(value, bool) or not isinstance(value, (int, self.kind)):
            raise TypeError(f"{self.name}: expected {'an int' if self.kind is int else 'a number'}, found {value!r}")
        is_large = self.kind is int and self.name != "seed"
        if not (self.least <= value and (is_large or value <= self.greatest)) or math.isnan(value):
            raise ValueError(f"{self.name}: expected {self.least:g} to {self.greatest}, found {value}")


SAMPLING_FIELDS = {
    field.name: field
    for field in (
        SamplingField("temperature", "temperature", "temperature", float, 0, 100, 0.8, 1),
        SamplingField("top_k", "top_k", "top_k", int, 0, _MANY, 40, 0),
        SamplingField("top_p", "top_p", "top_p", float, 0, 1, 0.95, 1),
        SamplingField("min_p", "min_p", "min_p", float, 0, 1, 0.05, 0),
        SamplingField("repeat_penalty", "repeat_penalty", "repetition_penalty", float, 0.01, 100, 1, 1),
        SamplingField("presence_penalty", "presence_penalty", "presence_penalty", float, -100, 100, 0, 0),
        SamplingField("frequency_penalty", "frequency_penalty", "frequency_penalty", float, -100, 100, 0, 0),
        SamplingField("repeat_window", "repeat_last_n", "", int, -1, _MANY, 64, 64),
        SamplingField("seed", "seed", "seed", int, 0, 2**64 - 1, 0, 0),
        SamplingField("typical_p", "typical_p", "", float, 0, 1, 1, 1),
        SamplingField("top_n_sigma", "", "", float, -1, 100, -1, -1),
        SamplingField("xtc_probability", "", "", float, 0, 1, 0, 0),
        SamplingField("xtc_threshold", "", "", float, 0, 1, 0.1, 0.1),
        SamplingField("dry_multiplier", "", "", float, 0, 1000, 0, 0),
        SamplingField("dry_base", "", "", float, 1, 100, 1.75, 1.75),
        SamplingField("dry_allowed_length", "", "", int, 0, _MANY, 2, 2),
        SamplingField("dry_penalty_last_n", "", "", int, -1, _MANY, 64, 64),
        SamplingField("dynatemp_range", "", "", float, 0, 100, 0, 0),
        SamplingField("dynatemp_exponent", "", "", float, 0, 100, 1, 1),
        SamplingField("mirostat", "", "", int, 0, 2, 0, 0),
        SamplingField("mirostat_tau", "", "", float, 0, 100, 5, 5),
        SamplingField("mirostat_eta", "", "", float, 0, 10, 0.1, 0.1),
        SamplingField("adaptive_target", "", "", float, -1, 1, -1, -1),
        SamplingField("adaptive_decay", "", "", float, 0, 0.99, 0.9, 0.9),
    )
}


@dataclass(frozen=True)
class ReplyField:
    """One number or switch of a request beside its sampling: its names on the wire ("" where such a service cannot take it), its
    range, and the default, with which it does nothing."""

    name: str
    ollama: str
    openai: str
    kind: type[bool] | type[int] | type[float]
    least: float
    greatest: float
    default: bool | float | None

    def check(self, value: object) -> None:
        """TypeError or ValueError names it."""
        if self.kind is bool:
            if not isinstance(value, bool):
                raise TypeError(f"{self.name}: expected True or False, found {value!r}")
            return
        if isinstance(value, bool) or not isinstance(value, (int, self.kind)):
            raise TypeError(f"{self.name}: expected {'an int' if self.kind is int else 'a number'}, found {value!r}")
        if not self.least <= value <= self.greatest:
            raise ValueError(f"{self.name}: expected {self.least} to {self.greatest}, found {value}")


REPLY_FIELDS = {
    field.name: field
    for field in (
        ReplyField("choices", "", "n", int, 1, 8, 1),
        ReplyField("best_of", "", "best_of", int, 1, 20, None),
        ReplyField("min_tokens", "", "min_tokens", int, 0, _MANY, 0),
        ReplyField("ignore_eos", "", "ignore_eos", bool, 0, 1, False),
        ReplyField("keep_tokens", "num_keep", "", int, 0, _MANY, None),
        ReplyField("logprobs", "logprobs", "logprobs", int, 0, 20, None),
        ReplyField("prompt_logprobs", "", "", int, 0, 20, None),
        ReplyField("thinking_budget", "", "", int, 0, _MANY, None),
        ReplyField("timeout_ms", "", "", float, 0, 10**12, 0),
        ReplyField("priority", "", "", int, -_MANY, _MANY, 0),
    )
}


def checked(sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are given; TypeError or ValueError names what is wrong, or not known."""
    given = {name: value for name, value in sampling.items() if value is not None}
    for name, value in given.items():
        if name == "response_format":
            check_response_format(value)
        elif name == "logit_bias":
            _check_biases(value)
        elif name == "allowed_tokens":
            _check_tokens(value)
        elif name == "thinking":
            if not isinstance(value, bool):
                raise TypeError(f"thinking: expected True or False, found {value!r}")
        elif name == "overflow":
            if value not in ("error", "drop_turns"):
                raise ValueError(f"overflow: expected error or drop_turns, found {value!r}")
        elif name in _RULES:
            _check_rule(name, value)
        elif name == "adapters":
            check_adapters(value)
        elif name == "stop_tokens":
            _check_tokens(value, name)
        elif name in ("principal", "forced_prefix"):
            if not isinstance(value, str):
                raise TypeError(f"{name}: expected a string, found {value!r}")
        elif name in REPLY_FIELDS:
            REPLY_FIELDS[name].check(value)
        elif name in SAMPLING_FIELDS:
            SAMPLING_FIELDS[name].check(value)
        else:
            raise TypeError(f"{name}: no such option; expected one of {', '.join(FurtherSampling.__annotations__)}")
    return given


def does_nothing(name: str, value: Any) -> bool:
    """A number or a switch with which its option changes no reply."""
    if name == "overflow":
        return bool(value == "error")
    if name == "adapters":
        return not value
    if name in REPLY_FIELDS:
        return bool(value == REPLY_FIELDS[name].default)
    return name in SAMPLING_FIELDS and bool(value == SAMPLING_FIELDS[name].neutral)


_RULES: dict[str, dict[str, type[bool] | type[int] | type[float]]] = {
    "beam_search": {"width": int, "length_penalty": float, "early_stopping": bool},
    "repetition_detection": {"max_pattern_size": int, "min_pattern_size": int, "min_count": int},
}


def _check_rule(name: str, rule: object) -> None:
    if not isinstance(rule, Mapping):
        raise TypeError(f"{name}: expected a dict, found {rule!r}")
    for key, value in rule.items():
        kind = _RULES[name].get(key)
        if kind is None:
            raise ValueError(f"{name}: expected {', '.join(_RULES[name])}, found {key!r}")
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, (kind, int)):
            raise TypeError(f"{name}.{key}: expected {kind.__name__}, found {value!r}")


def _check_biases(biases: object) -> None:
    if not isinstance(biases, Mapping):
        raise TypeError(f"logit_bias: expected a dict of token ids, found {biases!r}")
    _check_tokens(list(biases), "logit_bias")
    for token, bias in biases.items():
        if isinstance(bias, bool) or not isinstance(bias, (int, float)):
            raise TypeError(f"logit_bias[{token}]: expected a number, found {bias!r}")
        if not (-100 <= bias <= 100 or bias == -math.inf):
            raise ValueError(f"logit_bias[{token}]: expected -100 to 100 or -inf, found {bias}")


def _check_tokens(tokens: object, name: str = "allowed_tokens") -> None:
    if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Sequence):
        raise TypeError(f"{name}: expected a list of token ids, found {tokens!r}")
    for token in tokens:
        if isinstance(token, bool) or not isinstance(token, int):
            raise TypeError(f"{name}: expected token ids, found {token!r}")
        if not 0 <= token < 2**31:
            raise ValueError(f"{name}: expected token ids, found {token}")


def named_only(sampling: Mapping[str, Any], who: str) -> dict[str, Any]:
    """The four numbers that every backend has. NotImplementedError where another is given that would change the answer."""
    kept = {}
    for name, value in sampling.items():
        if name in ("max_new_tokens", "temperature", "top_k", "top_p"):
            kept[name] = value
        elif not does_nothing(name, value):
            raise NotImplementedError(f"{name}: {who} has no such option")
    return kept


_WRITTEN_APART = ("response_format", "logprobs", "thinking")


def wire_names(dialect: Literal["ollama", "openai"]) -> dict[str, str]:
    """What a dialect calls the numbers and switches of both lists; "" where it has no name for one."""
    return {name: getattr(field, dialect) for name, field in {**SAMPLING_FIELDS, **REPLY_FIELDS}.items()}


def wire_logprobs(options: Mapping[str, Any]) -> dict[str, Any]:
    """As chats have them: a switch and a number."""
    count = options.get("logprobs")
    return {} if count is None else {"logprobs": True, "top_logprobs": count}


def on_the_wire(options: Mapping[str, Any], names: Mapping[str, str], service: str) -> dict[str, Any]:
    """Options that are given under a service's `names`. NotImplementedError names one that it cannot take; a neutral one is
    what it does anyhow."""
    sent: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or name in _WRITTEN_APART:
            continue
        wire = names.get(name, name)
        if wire:
            sent[wire] = {key: max(bias, -100) for key, bias in value.items()} if name == "logit_bias" else value
        elif not does_nothing(name, value):
            raise NotImplementedError(f"{name}: {service} has no such option")
    return sent
