"""One value out of a `.env` file: lines of NAME=value, `export` allowed, quotes taken off, # begins a comment."""

from __future__ import annotations

import re
from pathlib import Path

_LINE = re.compile(
    r"""^\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*
        (?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^#\r\n]*?))\s*(?:\#.*)?$""",
    re.VERBOSE | re.MULTILINE,
)


def read_value(file: str | Path, name: str) -> str | None:
    """The last value of `name` in `file`; None where the file or the name is not there or the value is empty."""
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError:
        return None
    value = None
    for line in _LINE.finditer(text):
        if line["name"] == name:
            value = next((line[kind] for kind in ("double", "single", "bare") if line[kind] is not None), None)
    return value or None
