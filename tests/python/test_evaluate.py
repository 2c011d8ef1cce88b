"""Quality through the interface: metrics, multiple choice with and without likelihoods, records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from stand_ins import CharTokenizer, NextLetterModel, ScriptedBackend

from halfbyte.inference import LocalTransformerBackend, evaluate


def saying(*completions: str) -> ScriptedBackend:
    return ScriptedBackend(*((text, 1.0, 1, 1) for text in completions))


QUESTIONS: list[dict[str, Any]] = [
    {"prompt": "Capital of France?", "answer": "Paris"},
    {"prompt": "2 + 2?", "answer": ["4", "four"]},
]


def test_exact_match_looks_past_case_space_and_outer_punctuation() -> None:
    out = evaluate(saying(" paris.\n", "Four"), QUESTIONS, "exact_match")
    assert (out.score, out.n) == (1.0, 2)
    assert evaluate(saying("It is Paris", "5"), QUESTIONS, "exact_match").score == 0.0


def test_contains_finds_the_answer_inside() -> None:
    out = evaluate(saying("It is Paris, of course", "five"), QUESTIONS, "contains")
    assert [record.score for record in out.records] == [1.0, 0.0]
    assert out.score == 0.5


def test_a_callers_scorer_sees_the_example() -> None:
    def length(completion: str, example: Mapping[str, Any]) -> float:
        return len(completion) / float(example["most"])

    out = evaluate(saying("abc"), [{"prompt": "p", "most": 6}], length)
    assert (out.score, out.metric) == (0.5, "length")


def test_is_greedy_unless_told_otherwise() -> None:
    backend = saying("Paris", "4")
    evaluate(backend, QUESTIONS, "contains")
    assert backend.calls[0]["temperature"] == 0.0


def test_multiple_choice_takes_the_likeliest_where_the_backend_knows_it() -> None:
    backend = LocalTransformerBackend(NextLetterModel(), CharTokenizer())
    out = evaluate(
        backend,
        [{"prompt": "ab", "choices": ["xy", "cd"], "answer": 1}, {"prompt": "ab", "choices": ["cd", "xy"], "answer": "xy"}],
        "multiple_choice",
    )
    assert out.metadata["by"] == "log-likelihood"
    assert [record.score for record in out.records] == [1.0, 0.0]
    assert out.records[0].scores is not None
    assert out.records[0].scores[1] > out.records[0].scores[0]


@pytest.mark.parametrize(
    ("said", "score"),
    [(" B", 1.0), ("B. a dog", 1.0), ("The answer is B.", 1.0), ("a dog", 1.0), ("A", 0.0), ("A dog", 1.0), ("?", 0.0)],
)
def test_multiple_choice_reads_the_letter_where_it_does_not(said: str, score: float) -> None:
    out = evaluate(
        saying(said), [{"prompt": "Who barks?", "choices": ["a cat", "a dog"], "answer": 1}], "multiple_choice"
    )
    assert out.metadata["by"] == "answer"
    assert out.score == score


def test_the_table_and_the_json_hold_every_example() -> None:
    out = evaluate(saying("Paris | France", "five"), QUESTIONS, "contains")
    rows = out.to_markdown().splitlines()
    assert len(rows) == 5
    assert "Paris \\| France" in rows[2]
    assert "0.5000" in rows[-1]
    assert json.loads(out.to_json())["records"][1]["expected"] == ["4", "four"]


@pytest.mark.parametrize(
    ("dataset", "metric", "told"),
    [
        ([], "contains", "dataset"),
        (QUESTIONS, "bleu", "metric"),
        ([{"prompt": "p"}], "contains", r"dataset\[0\].*answer"),
        ([{"prompt": "p", "answer": 0}], "multiple_choice", r"dataset\[0\].*choices"),
        ([{"prompt": "p", "choices": ["a"], "answer": 3}], "multiple_choice", r"dataset\[0\].*choices"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(dataset: Any, metric: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        evaluate(saying("x"), dataset, metric)
