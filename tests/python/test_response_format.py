"""What a reply is held to: which forms are taken, and what each kind of backend makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tiny_models import tiny_model

from halfbyte.inference import EngineBackend
from halfbyte.inference._response_format import check_response_format, grammar_of
from halfbyte.inference.engine_errors import InvalidRequestError, UnsupportedError

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("form", "grammar"),
    [
        ({"type": "json_object"}, ("json_object", "")),
        ({"type": "json_schema", "json_schema": SCHEMA}, ("json_schema", json.dumps(SCHEMA))),
        ({"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}}, ("json_schema", json.dumps(SCHEMA))),
        ({"type": "regex", "regex": "a+"}, ("regex", "a+")),
        ({"type": "choice", "choice": ["ä", "b"]}, ("choice", '["ä", "b"]')),
        ({"type": "gbnf", "gbnf": 'root ::= "a"'}, ("gbnf", 'root ::= "a"')),
    ],
)
def test_every_kind_has_its_source_as_the_engine_takes_it(form: dict[str, Any], grammar: tuple[str, str]) -> None:
    check_response_format(form)
    assert grammar_of(form) == grammar


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("json", TypeError),
        ({}, ValueError),
        ({"type": "xml"}, ValueError),
        ({"type": "regex"}, ValueError),
        ({"type": "regex", "regex": 7}, TypeError),
        ({"type": "choice", "choice": "ab"}, TypeError),
        ({"type": "json_schema", "json_schema": []}, TypeError),
    ],
)
def test_what_is_no_form_is_named(form: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="response_format: expected"):
        check_response_format(form)


def test_the_engine_holds_its_replies_to_a_grammar() -> None:
    with EngineBackend(tiny_model(), threads=1) as engine:
        for seed in range(5):
            held: dict[str, Any] = {"response_format": {"type": "choice", "choice": ["yes", "no"]}, "seed": seed}
            assert engine.complete("hi", **held).completion in ("yes", "no")
            assert engine.chat([{"role": "user", "content": "hi"}], **held).content in ("yes", "no")
        with pytest.raises(UnsupportedError, match="#/not"):
            engine.complete("hi", response_format={"type": "json_schema", "json_schema": {"not": {}}})
        with pytest.raises(InvalidRequestError, match="gbnf grammar: line 1"):
            engine.complete("hi", response_format={"type": "gbnf", "gbnf": "root :="})
