#!/usr/bin/env python3
"""Writes cases.json: what Jinja2, set up as transformers sets it up, makes of every *.jinja here. Needs jinja2 (3.1.6 was used)."""
import datetime
import json
from pathlib import Path

import jinja2
import jinja2.ext
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


def render(source, messages, tools=None, **options):
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationTag])
    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
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
