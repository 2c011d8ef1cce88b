"""What a reply is held to: OpenAI's `response_format`, and the kinds of grammar that our engine has beside it.

{"type": "json_object"}, {"type": "json_schema", "json_schema": SCHEMA} (or OpenAI's {"name": ..., "schema": SCHEMA}),
{"type": "regex", "regex": PATTERN}, {"type": "choice", "choice": [TEXT, ...]}, {"type": "lark", "lark": GRAMMAR} or
{"type": "gbnf", "gbnf": GRAMMAR}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

KINDS = ("json_object", "json_schema", "regex", "choice", "lark", "gbnf")


def check_response_format(form: object) -> None:
    """TypeError or ValueError names what is wrong."""
    if not isinstance(form, Mapping):
        raise TypeError(f"response_format: expected a dict, found {form!r}")
    kind = form.get("type")
    if kind not in KINDS:
        raise ValueError(f"response_format: expected a type of {', '.join(KINDS)}, found {kind!r}")
    if kind == "json_object":
        return
    if kind not in form:
        raise ValueError(f"response_format: expected a member {kind!r}, found {', '.join(map(repr, form))}")
    source = form[kind]
    if kind == "json_schema":
        if not isinstance(_schema_of(source), (Mapping, bool)):
            raise TypeError(f"response_format: expected a JSON Schema, found {source!r}")
    elif kind == "choice":
        if isinstance(source, str) or not isinstance(source, Sequence) or not all(isinstance(text, str) for text in source):
            raise TypeError(f"response_format: expected a list of strings, found {source!r}")
    elif not isinstance(source, str):
        raise TypeError(f"response_format: expected a string, found {source!r}")


def grammar_of(form: Mapping[str, Any]) -> tuple[str, str]:
    """The kind, and the source as our engine takes it."""
    kind = form["type"]
    if kind == "json_object":
        return kind, ""
    source = _schema_of(form[kind]) if kind == "json_schema" else form[kind]
    return kind, source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)


def ollama_format(form: Mapping[str, Any]) -> Any:
    """`format`. NotImplementedError where Ollama has no such kind."""
    if form["type"] == "json_object":
        return "json"
    if form["type"] == "json_schema":
        return _schema_of(form["json_schema"])
    raise NotImplementedError("Ollama takes JSON and JSON Schemas, and no other grammar")


def openai_format(form: Mapping[str, Any]) -> dict[str, Any]:
    """`response_format` as the service has it."""
    if form["type"] == "json_object":
        return {"type": "json_object"}
    if form["type"] == "json_schema":
        envelope = {"name": "reply", "schema": _schema_of(form["json_schema"]), "strict": True}
        return {"type": "json_schema", "json_schema": envelope}
    raise NotImplementedError("an OpenAI-style service takes JSON and JSON Schemas, and no other grammar")


def _schema_of(source: Any) -> Any:
    is_envelope = isinstance(source, Mapping) and isinstance(source.get("name"), str) and "schema" in source
    return source["schema"] if is_envelope else source
