#!/usr/bin/env python3
"""Writes cases.json and expressions.json: what Jinja2, set up as transformers sets it up, makes of every *.jinja here and of every
source in expressions.py. Needs jinja2 (3.1.6 was used, with Python 3.11)."""
import datetime
import json
import re
from pathlib import Path

import jinja2
import jinja2.ext
from expressions import sources
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = datetime.datetime(2024, 7, 26, 10, 0, 0)
CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": 'Hi "you"\n'},
    {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHello é"},
    {"role": "user", "content": "Why is the sky blue?"},
]
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "The weather \"now\" at a place.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}, "where": {"type": "object"}}, "required": ["city"]}}}]
CALL = {"id": "call00001", "type": "function", "function": {
    "name": "get_weather", "arguments": {"city": "K\u00f8ge \"x\"", "days": 2, "ratio": 0.5, "where": {"lat": [1, -2]}, "now": True}}}
TOOL_CONVERSATION = [
    CONVERSATION[0],
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": "", "reasoning_content": "look it up", "thinking": "look it up", "tool_calls": [CALL]},
    {"role": "tool", "content": "{\"sky\": \"grey\"}", "name": "get_weather", "tool_call_id": "call00001"},
]
TOOL_CASES = [
    {"messages": TOOL_CONVERSATION[:2], "tools": TOOLS},
    {"messages": TOOL_CONVERSATION, "tools": TOOLS},
    {"messages": TOOL_CONVERSATION + [{"role": "assistant", "content": "Grey."}, {"role": "user", "content": "Thanks"}], "tools": TOOLS},
    {"messages": TOOL_CONVERSATION[1:2], "enable_thinking": False},
]


class GenerationTag(jinja2.ext.Extension):
    """{% generation %} marks the model's own words for training; it renders as its body."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def render(source, messages, tools=None, **options):
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationTag])
    env.filters["tojson"] = tojson
    env.globals.update(raise_exception=refuse, strftime_now=NOW.strftime)
    try:
        text = env.from_string(source).render(
            messages=messages, tools=tools, documents=None, add_generation_prompt=True, bos_token="<s>", eos_token="</s>", **options)
        return {"text": text}
    except jinja2.exceptions.TemplateError as error:
        return {"refusal": str(error)}


WITH_TOOLS = ["qwen2.5", "llama3.1-tools", "mistral-nemo", "deepseek-r1", "qwen3-coder", "qwen3-thinking"]

folder = Path(__file__).parent
cases = [
    {"template": path.name, "messages": CONVERSATION[first:], **render(path.read_text(), CONVERSATION[first:])}
    for path in sorted(folder.glob("*.jinja")) for first in (0, 1, 3)
] + [
    {"template": f"{name}.jinja", **case, **render((folder / f"{name}.jinja").read_text(), **case)}
    for name in WITH_TOOLS for case in TOOL_CASES
]
(folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")

NUMBERS = {"big": 12345678901234567890123, "tiny": 1e-7, "large": 1e16, "whole": 1.0}
NUMBER_TOOLS = [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object", "items": [1], "n": NUMBERS}}}]


def outcome(source):
    """The text of a source, or null where Jinja2 refuses it. What names an address in memory is not comparable."""
    try:
        return render(source, CONVERSATION, NUMBER_TOOLS).get("text")
    except Exception:  # noqa: BLE001: a template may raise anything Python's operators and methods raise
        return None


outcomes = {source: outcome(source) for source in sources()}
comparable = {source: text for source, text in outcomes.items() if text is None or not re.search(" at 0x[0-9a-f]+>|<generator|\\ud83d", text)}
(folder / "expressions.json").write_text(json.dumps(comparable, ensure_ascii=False, indent=0) + "\n")
