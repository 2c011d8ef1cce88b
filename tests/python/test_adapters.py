"""Low-rank adapters (LoRA), which each call asks for by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_models import tiny_adapter, tiny_model

from halfbyte.inference import EngineBackend
from halfbyte.inference._adapters import adapter_uses
from halfbyte.inference._sampling import checked, named_only
from halfbyte.inference.engine_errors import EngineError

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineBackend]:
    adapters = {"tone": tiny_adapter("tone"), "other": str(tiny_adapter("other", strength=-2.0))}
    with EngineBackend(tiny_model(), threads=1, adapters=adapters) as opened:
        yield opened


def probabilities(engine: EngineBackend, **options: Any) -> list[float]:
    told = engine.complete("hi there", max_new_tokens=4, temperature=0.0, logprobs=0, ignore_eos=True, **options)
    return [token.log_probability for token in told.tokens]


def test_each_call_has_the_adapters_that_it_asks_for(engine: EngineBackend) -> None:
    plain, tone = probabilities(engine), probabilities(engine, adapters=["tone"])
    assert tone != plain
    assert probabilities(engine, adapters={"tone": 1}) == tone
    assert probabilities(engine, adapters={"tone": 0}) == plain
    assert probabilities(engine, adapters=[]) == plain
    half, other = probabilities(engine, adapters={"tone": 0.5}), probabilities(engine, adapters=["other"])
    both = probabilities(engine, adapters={"tone": 0.5, "other": 1})
    assert len({tuple(told) for told in (plain, tone, half, other, both)}) == 5


def test_chats_streams_and_vectors_have_them_too(engine: EngineBackend) -> None:
    def chat(**options: Any) -> list[float]:
        told = engine.chat(HI, max_new_tokens=4, temperature=0.0, logprobs=0, ignore_eos=True, **options)
        return [token.log_probability for token in told.tokens]

    assert chat(adapters={"tone": 0}) == chat() != chat(adapters=["tone"])
    whole = engine.complete("hi", max_new_tokens=8, temperature=0.0, adapters=["other"]).completion
    assert "".join(engine.stream("hi", max_new_tokens=8, temperature=0.0, adapters=["other"])) == whole
    assert engine.embed(["hi"], adapters={"tone": 0}) == engine.embed(["hi"]) != engine.embed(["hi"], adapters=["tone"])


def test_a_name_that_the_engine_does_not_have_is_refused(engine: EngineBackend) -> None:
    for ask in (engine.complete, lambda text, **options: engine.embed([text], **options)):
        with pytest.raises(ValueError, match="^adapters: no 'tune'; this engine has other, tone$") as refusal:
            ask("hi", adapters=["tune"])
        assert isinstance(refusal.value, EngineError)
    with pytest.raises(ValueError, match="^adapters: 'tone' is asked for twice$"):
        engine.complete("hi", adapters=["tone", "tone"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing.gguf"):
        EngineBackend(tiny_model(), adapters={"tone": tmp_path / "missing.gguf"})


@pytest.mark.parametrize(
    ("adapters", "error", "text"),
    [
        ("tone", TypeError, "adapters: expected names, or a dict of scales by name, found 'tone'"),
        ([1], TypeError, "adapters: expected names, found 1"),
        ({"tone": "much"}, TypeError, "adapters['tone']: expected a number, found 'much'"),
        ({"tone": True}, TypeError, "adapters['tone']: expected a number, found True"),
        ({"tone": float("nan")}, ValueError, "adapters['tone']: expected a finite number of 32 bits, found nan"),
        ({"tone": 1e39}, ValueError, "adapters['tone']: expected a finite number of 32 bits, found 1e+39"),
    ],
)
def test_what_is_no_choice_of_adapters_is_named(adapters: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        checked({"adapters": adapters})
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("adapters", "error", "text"),
    [
        (["a.gguf"], TypeError, "adapters: expected a dict of paths by name, found ['a.gguf']"),
        ({"tone": 1}, TypeError, "adapters['tone']: expected a path, found 1"),
        ({1: "a.gguf"}, TypeError, "adapters: expected a string, found int"),
        ({"": "a.gguf"}, ValueError, "adapters: a.gguf has no name"),
    ],
)
def test_what_are_no_files_of_adapters_is_named(adapters: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        EngineBackend(tiny_model(), adapters=adapters)
    assert str(refusal.value) == text


def test_a_list_and_a_dict_keep_their_order() -> None:
    assert adapter_uses(["b", "a"]) == [("b", 1.0), ("a", 1.0)]
    assert adapter_uses({"b": 2, "a": 0.5}) == [("b", 2.0), ("a", 0.5)]


def test_a_backend_without_adapters_says_so() -> None:
    assert named_only({"adapters": []}, "this") == {}
    with pytest.raises(NotImplementedError, match="adapters: this has no such option"):
        named_only({"adapters": ["tone"]}, "this")
