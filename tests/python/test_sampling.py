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
        ({"heat": 1}, TypeError, "heat: no such option; expected one of response_format, min_p, "),
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


def test_the_engine_tells_what_is_asked_beside_a_text() -> None:
    with EngineBackend(tiny_model(), threads=1) as engine:
        answer = engine.complete("hi", max_new_tokens=4, logprobs=2, choices=3, ignore_eos=True, seed=5)
        assert [len(choice.tokens) for choice in answer.choices] == [4, 4, 4]
        assert answer.choices[0].tokens == answer.tokens
        assert answer.choices[0].text == answer.completion
        assert answer.completion_tokens == 12
        scored = engine.complete("hi there", max_new_tokens=1, prompt_logprobs=1)
        assert scored.prompt_tokens == len(scored.prompt_logprobs) + 1
        best = engine.complete("hi", max_new_tokens=4, choices=2, best_of=3, ignore_eos=True, seed=5)
        assert {choice.text for choice in best.choices} < {choice.text for choice in answer.choices}
        first = answer.tokens[0]
        assert first.log_probability <= first.likeliest[0].log_probability <= 0
        assert first.raw and first.id is not None and len(first.likeliest) == 2
        alone = engine.complete("hi", max_new_tokens=4, ignore_eos=True, seed=6)
        assert alone.completion == answer.choices[1].text
        assert (alone.tokens, alone.choices) == ([], [])
        chat = engine.chat([{"role": "user", "content": "hi"}], max_new_tokens=4, choices=2, logprobs=0, min_tokens=4)
        assert [len(choice.tokens) for choice in chat.choices] == [4, 4]


def test_a_reply_is_forced_to_begin_and_searched_for() -> None:
    with EngineBackend(tiny_model(), threads=1) as engine:
        forced = engine.complete("hi", max_new_tokens=4, forced_prefix="h", ignore_eos=True)
        assert forced.completion.startswith("h")
        beams = engine.complete("hi", max_new_tokens=4, choices=2, beam_search={"width": 3, "length_penalty": 0.5}, top_k=None)
        assert len(beams.choices) == 2
        told = engine.complete("hi", max_new_tokens=2, logprobs=0, ignore_eos=True)
        ended = engine.complete("hi", max_new_tokens=2, ignore_eos=True, stop_tokens=[told.tokens[0].id or 0])
        assert (ended.completion, ended.completion_tokens) == ("", 1)
        circles = engine.complete(
            "hi", max_new_tokens=40, ignore_eos=True, allowed_tokens=[told.tokens[0].id or 0], repetition_detection={"min_count": 4}
        )
        assert circles.metadata["finish_reason"] == "repetition"


def test_what_a_long_prompt_lets_go_is_told() -> None:
    with EngineBackend(tiny_model(), context=64, threads=1) as engine:
        assert int(engine.complete("a" * 200, max_new_tokens=2, keep_tokens=4).metadata["dropped_tokens"]) > 100


def test_a_reply_may_have_a_time_limit() -> None:
    with EngineBackend(tiny_model(), threads=1) as engine:
        answer = engine.complete("hi", max_new_tokens=10**6, ignore_eos=True, keep_tokens=0, timeout_ms=20)
        assert answer.metadata["finish_reason"] == "timeout"


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"choices": 0}, ValueError, "choices: expected 1 to 8, found 0"),
        ({"choices": True}, TypeError, "choices: expected an int, found True"),
        ({"ignore_eos": 1}, TypeError, "ignore_eos: expected True or False, found 1"),
        ({"logprobs": 21}, ValueError, "logprobs: expected 0 to 20, found 21"),
        ({"timeout_ms": "soon"}, TypeError, "timeout_ms: expected a number, found 'soon'"),
        ({"principal": 1}, TypeError, "principal: expected a string, found 1"),
        ({"beam_search": {"breadth": 1}}, ValueError, "beam_search: expected width, length_penalty, early_stopping, found 'breadth'"),
        ({"beam_search": {"width": True}}, TypeError, "beam_search.width: expected int, found True"),
        ({"stop_tokens": [-1]}, ValueError, "stop_tokens: expected token ids, found -1"),
        ({"thinking": "yes"}, TypeError, "thinking: expected True or False, found 'yes'"),
    ],
)
def test_what_is_wrong_with_a_replys_number_is_named(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        checked(options)
    assert str(refusal.value) == text
