"""Vectors of texts, and what the engine tells of itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from stand_ins import ScriptedBackend
from tiny_models import tiny_model

from halfbyte.inference import EngineBackend, Route, RouterBackend


def test_a_text_becomes_a_vector_of_length_one() -> None:
    with EngineBackend(tiny_model(), threads=1) as engine:
        first, second = engine.embed(["hi", "there"])
        assert len(first) == len(second)
        assert math.isclose(math.fsum(x * x for x in first), 1, rel_tol=1e-5)
        assert engine.embed(["hi"], pooling="mean") == [first]
        assert engine.embed(["there"], pooling="last") != [second]


def test_a_router_always_embeds_with_its_fallback() -> None:
    with EngineBackend(tiny_model(), threads=1) as engine:
        router = RouterBackend([Route.longer_than(0, ScriptedBackend())], fallback=engine)
        assert router.embed(["hi"]) == engine.embed(["hi"])


def test_a_backend_that_embeds_nothing_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"ScriptedBackend \(scripted-1\) embeds nothing"):
        ScriptedBackend().embed(["hi"])


@pytest.mark.parametrize(
    ("texts", "options", "error", "text"),
    [
        ("hi", {}, TypeError, "texts: expected a list of strings, found str"),
        ([], {}, ValueError, "texts: expected at least one, found none"),
        (["a", ""], {}, ValueError, "texts[1]: expected text, found an empty string"),
        (["a"], {"pooling": "best"}, ValueError, "pooling: expected mean, last, first or None, found 'best'"),
    ],
)
def test_what_is_no_text_is_named(texts: Any, options: dict[str, Any], error: type[Exception], text: str) -> None:
    with EngineBackend(tiny_model(), threads=1) as engine, pytest.raises(error) as refusal:
        engine.embed(texts, **options)
    assert str(refusal.value) == text


def test_the_engine_tells_what_it_has_done_and_takes() -> None:
    with EngineBackend(tiny_model(), threads=1, cache=256, queue=2, chunk=16, speculation=False) as engine:
        assert engine.memory["cache_tokens"] >= 256
        assert engine.memory["weights"] > 0
        engine.complete("hi", max_new_tokens=3, ignore_eos=True)
        stats = engine.stats()
        assert (stats["requests"], stats["generated_tokens"]) == (1, 3)
        assert sum(stats["first_token"]["counts"]) == 1
        assert len(stats["step"]["counts"]) == len(stats["step"]["bounds_s"]) + 1


def test_a_prefix_cache_survives_in_its_folder(tmp_path: Path) -> None:
    prompt = "a long beginning that fills a page or two of the cache " * 3
    for begun_before in (False, True):
        with EngineBackend(tiny_model(), threads=1, prefix_cache=tmp_path) as engine:
            told = engine.complete(prompt, max_new_tokens=1).metadata
            assert ("cached_tokens" in told) == begun_before


def test_the_oldest_turns_of_a_chat_go_where_that_is_asked_for() -> None:
    messages = [{"role": "user", "content": "a" * 60}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    with EngineBackend(tiny_model(), threads=1, context=64) as engine:
        answer = engine.chat(messages, max_new_tokens=2, overflow="drop_turns")
        assert answer.metadata["dropped_turns"] == "2"
        assert answer.messages == messages


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"kv_memory": 0}, ValueError, "kv_memory: expected 1 or more bytes, or None, found 0"),
        ({"queue": 0}, ValueError, "queue: expected 1 to 1073741824, or None, found 0"),
        ({"speculation": 1}, TypeError, "speculation: expected True or False, found 1"),
        ({"prefix_cache": 1}, TypeError, "prefix_cache: expected True, False or a folder, found 1"),
    ],
)
def test_a_wrong_engine_option_is_named(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as refusal:
        EngineBackend(tiny_model(), **options)
    assert str(refusal.value) == text
