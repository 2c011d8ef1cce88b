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


class GenerationTag(jinja2.ext.Extension):
    """{% generation %} marks the model's own words for training; it renders as its body."""

    tags = {"generation"}

    def parse(self, parser):
        next(parser.stream)
        return parser.parse_statements(["name:endgeneration"], drop_needle=True)


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def render(source, messages):
    env = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", GenerationTag])
    env.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    env.globals.update(raise_exception=refuse, strftime_now=NOW.strftime)
    try:
        text = env.from_string(source).render(messages=messages, add_generation_prompt=True, bos_token="<s>", eos_token="</s>")
        return {"text": text}
    except jinja2.exceptions.TemplateError as error:
        return {"refusal": str(error)}


folder = Path(__file__).parent
cases = [
    {"template": path.name, "messages": CONVERSATION[first:], **render(path.read_text(), CONVERSATION[first:])}
    for path in sorted(folder.glob("*.jinja")) for first in (0, 1, 3)
]
(folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")
