"""How well a backend answers: a dataset, a metric, one record per example."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ._checks import check_sampling
from .backend import Backend, BackendInfo

Scorer = Callable[[str, Mapping[str, Any]], float]
"""A caller's metric: (completion, example) to a score, usually between 0 and 1."""


@dataclass
class Record:
    """One example and what came of it. `scores` are the choices' log-likelihoods where the backend gives them."""

    prompt: str
    expected: Any
    completion: str
    score: float
    scores: list[float] | None = None


@dataclass
class EvaluationResult:
    """The mean score and the record of each example, in order."""

    backend: BackendInfo
    metric: str
    n: int
    score: float
    records: list[Record]
    metadata: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"EvaluationResult({self.backend.name}:{self.backend.model_id}, {self.metric}={self.score:.4f}, n={self.n})"

    def to_markdown(self) -> str:
        """A table of the examples, the mean in its last row."""
        rows = ["| prompt | expected | completion | score |", "|---|---|---|---:|"]
        for record in self.records:
            texts = (record.prompt, str(record.expected), record.completion)
            rows.append("| " + " | ".join(_cell(text) for text in texts) + f" | {record.score:g} |")
        rows.append(f"| **{self.metric}, mean of {self.n}** | | | **{self.score:.4f}** |")
        return "\n".join(rows)

    def to_json(self, *, indent: int | None = 2) -> str:
        return json.dumps(asdict(self), indent=indent, ensure_ascii=False, default=str)


def _cell(text: str, width: int = 80) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if len(line) <= width else line[: width - 1] + "…"


def _normal(text: str) -> str:
    """Case, outer punctuation and the amount of white space do not matter to a match."""
    return " ".join(text.split()).strip(" .,;:!?\"'").casefold()


def _references(example: Mapping[str, Any]) -> list[str]:
    """The accepted answers: `answer` is one, or a list."""
    answer = example["answer"]
    answers = [answer] if isinstance(answer, str) or not isinstance(answer, Sequence) else answer
    return [str(one) for one in answers]


def exact_match(completion: str, example: Mapping[str, Any]) -> float:
    return float(any(_normal(completion) == _normal(answer) for answer in _references(example)))


def contains(completion: str, example: Mapping[str, Any]) -> float:
    return float(any(_normal(answer) in _normal(completion) for answer in _references(example)))


METRICS: Mapping[str, Scorer] = {"exact_match": exact_match, "contains": contains}


def evaluate(
    backend: Backend,
    dataset: Iterable[Mapping[str, Any]],
    metric: str | Scorer,
    *,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> EvaluationResult:
    """Scores `backend` on examples of {prompt, answer}, for "multiple_choice" {prompt, choices, answer}.

    metric: "exact_match", "contains", "multiple_choice" (`answer` is the choice or its number from 0), or a function.
    Multiple choice takes the choice of the highest log-likelihood where the backend has `log_likelihood`, else it asks,
    with lettered choices, and reads the letter out of the answer; metadata["by"] says which.
    ValueError: unknown metric, no examples, an example that lacks a field.
    """
    if isinstance(metric, str) and metric != "multiple_choice" and metric not in METRICS:
        raise ValueError(f"metric: expected {', '.join(METRICS)}, multiple_choice or a function, found {metric!r}")
    sampling = check_sampling(max_new_tokens, temperature, top_k, top_p)
    examples = list(dataset)
    if not examples:
        raise ValueError("dataset: expected at least one example, found none")
    is_choice = metric == "multiple_choice"
    needed = {"prompt", *(("choices",) if is_choice else ()), *(() if callable(metric) else ("answer",))}
    for number, example in enumerate(examples):
        if missing := sorted(needed - set(example)):
            raise ValueError(f"dataset[{number}]: expected {', '.join(sorted(needed))}, missing {', '.join(missing)}")

    metadata: dict[str, Any] = {"sampling": sampling}
    if is_choice:
        likelihood = getattr(backend, "log_likelihood", None)
        metadata["by"] = "log-likelihood" if likelihood else "answer"
        records = [
            _by_likelihood(likelihood, example, number) if likelihood else _by_letter(backend, example, number, sampling)
            for number, example in enumerate(examples)
        ]
        name = "multiple_choice"
    else:
        scorer = metric if callable(metric) else METRICS[metric]
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", "score")
        records = []
        for example in examples:
            completion = backend.complete(example["prompt"], **sampling).completion
            score = float(scorer(completion, example))
            records.append(Record(example["prompt"], example.get("answer"), completion, score))
    mean = sum(record.score for record in records) / len(records)
    return EvaluationResult(backend.info, name, len(records), mean, records, metadata)


def _right_choice(example: Mapping[str, Any], number: int) -> int:
    choices, answer = list(example["choices"]), example["answer"]
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(choices):
        return answer
    if answer in choices:
        return choices.index(answer)
    raise ValueError(f"dataset[{number}]: expected an answer among {len(choices)} choices, found {answer!r}")


def _by_likelihood(likelihood: Callable[[str, str], float], example: Mapping[str, Any], number: int) -> Record:
    right = _right_choice(example, number)
    choices = list(example["choices"])
    scores = [likelihood(example["prompt"], choice) for choice in choices]
    chosen = scores.index(max(scores))
    return Record(example["prompt"], choices[right], choices[chosen], float(chosen == right), scores)


def _by_letter(backend: Backend, example: Mapping[str, Any], number: int, sampling: dict[str, Any]) -> Record:
    right = _right_choice(example, number)
    choices = list(example["choices"])
    letters = [chr(ord("A") + place) for place in range(len(choices))]
    listed = "\n".join(f"{letter}. {choice}" for letter, choice in zip(letters, choices, strict=True))
    prompt = f"{example['prompt']}\n{listed}\nAnswer with the letter of the right choice only.\nAnswer:"
    completion = backend.complete(prompt, **sampling).completion
    # A letter alone or followed by . or ): "A cat" begins with an article, not with a choice.
    letter = re.search(rf"(?<!\w)([{letters[0]}-{letters[-1]}])(?:[.):]|\s*$|\s*\n)", completion)
    if letter:
        chosen = letters.index(letter[1])
    else:
        named = [place for place, choice in enumerate(choices) if _normal(str(choice)) in _normal(completion)]
        chosen = named[0] if len(named) == 1 else -1
    return Record(example["prompt"], choices[right], completion, float(chosen == right))
