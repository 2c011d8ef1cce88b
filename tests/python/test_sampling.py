"""The options of a reply that have no place in the methods' signatures."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tiny_models import tiny_model

from halfbyte.inference import EngineBackend
from halfbyte.inference._sampling import SAMPLING_FIELDS, checked, named_only, on_the_wire

NAMED = {"temperature", "top_k", "top_p", "seed"}


def test_the_engine_takes_every_option() -> None:
    with EngineBackend(tiny_model()) as engine:
        for name, field in SAMPLING_FIELDS.items():
            if name in NAMED:
                continue
            options: Any = {name: field.greatest}
            answer = engine.complete("hi", max_new_tokens=3, **options)
            assert answer.metadata["sampling"][name] == field.greatest
        only = [5]
        answer = engine.complete("hi", max_new_tokens=3, allowed_tokens=only, logit_bias={5: -2, 6: -math.inf})
        assert answer.completion_tokens is not None
        same = engine.complete("hi", max_new_tokens=3, temperature=0.0, allowed_tokens=only)
        assert answer.completion == same.completion


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"heat": 1}, TypeError, "heat: no such option; expected one of temperature, "),
        ({"min_p": 2}, ValueError, "min_p: expected 0 to 1, found 2"),
        ({"min_p": "most"}, TypeError, "min_p: expected a number, found 'most'"),
        ({"mirostat": 1.5}, TypeError, "mirostat: expected an int, found 1.5"),
        ({"logit_bias": [1]}, TypeError, "logit_bias: expected a dict of token ids, found [1]"),
        ({"logit_bias": {"a": 1}}, TypeError, "logit_bias: expected token ids, found 'a'"),
        ({"logit_bias": {1: 101}}, ValueError, "logit_bias[1]: expected -100 to 100 or -inf, found 101"),
        ({"allowed_tokens": [-1]}, ValueError, "allowed_tokens: expected token ids, found -1"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        checked(options)
    assert str(refusal.value).startswith(text)


def test_an_option_that_changes_nothing_is_left_out_and_another_one_refused() -> None:
    assert named_only({"temperature": 1, "min_p": 0}, "this") == {"temperature": 1}
    with pytest.raises(NotImplementedError, match="min_p: this has no such option"):
        named_only({"min_p": 0.5}, "this")


def test_minus_infinity_goes_out_as_what_rules_a_token_out() -> None:
    assert on_the_wire({"logit_bias": {3: -math.inf}}, {}, "this") == {"logit_bias": {3: -100}}
