"""The values of a `.env` file, as python-dotenv reads it: quotes, escapes, comments, `export`, values of several lines, ${NAME}.

A name in the file comes before one in the environment, where a value names another. A line that is none is passed over.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

MOST_BYTES = 1 << 20

_BLANKS = re.compile(r"[ \t\v\f\r\n]*")
_SPACE = re.compile(r"[ \t\v\f]*")
_EXPORT = re.compile(r"export[ \t\v\f]+")
_NAME = re.compile(r"'([^']+)'|((?!')[^=# \t\v\f\r\n]+)")
_QUOTED = {
    "'": re.compile(r"'((?:\\'|[^'])*)'"),
    '"': re.compile(r'"((?:\\"|[^"])*)"'),
}
_ESCAPE = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"abfnrtv])")}
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_REST = re.compile(r"[^\r\n]*")
_COMMENT = re.compile(r"[ \t\v\f]+#.*")
_END = re.compile(r"[ \t\v\f]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|\Z)")
_VARIABLE = re.compile(r"\$\{([^}:]*)(?::-([^}]*))?\}")


class DotenvError(ValueError):
    """A file that is there and cannot be read; the message names it, and what of its encoding is wrong."""


def read_value(file: str | Path, name: str) -> str | None:
    """The last value of `name` in `file`; None where the file or the name is not there or the value is empty."""
    try:
        status = os.stat(file)
        if stat.S_ISDIR(status.st_mode):  # a virtual environment, as a rule
            return None
        if not stat.S_ISREG(status.st_mode):
            raise DotenvError(f"{file}: not a regular file")
        if status.st_size > MOST_BYTES:
            raise DotenvError(f"{file}: {status.st_size} bytes, at most {MOST_BYTES} are read")
        content = Path(file).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as cause:
        raise DotenvError(f"{file}: cannot open: {cause.strerror}") from cause
    try:
        return parse_dotenv(decoded(content), os.environ).get(name) or None
    except DotenvError as cause:
        raise DotenvError(f"{file}: {cause}") from None


def decoded(content: bytes) -> str:
    """Text in UTF-8, or in UTF-16 with a byte order mark. Other bytes, of a comment in Latin-1, become half surrogates."""
    wanted = "expected UTF-8, or UTF-16 with a byte order mark"
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise DotenvError(f"UTF-32: {wanted}")
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            if len(content) % 2 == 1:
                raise DotenvError("read as UTF-16, for its byte order mark, and its last character is cut")
            return content[2:].decode(encoding, "replace")
    if b"\0" in content:
        raise DotenvError(f"a zero byte: {wanted}")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def parse_dotenv(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Every name's last value; empty for a name without one."""
    values: dict[str, str] = {}

    def replacement(variable: re.Match[str]) -> str:
        name, default = variable.groups()
        return values.get(name, environment.get(name, default or ""))

    at = _skipped(_BLANKS, text, 0)
    while at < len(text):
        name, value, at = _read_assignment(text, at)
        end = _END.match(text, at)
        if end is None:
            at = _skipped(_REST, text, at)
        else:
            at = end.end()
            if name:
                values[name] = _VARIABLE.sub(replacement, value)
        at = _skipped(_BLANKS, text, at)
    return values


def _skipped(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _read_assignment(text: str, at: int) -> tuple[str, str, int]:
    """Name and value from `at` on and where they end, as far as they are well formed; a line's end must follow."""
    at = _skipped(_EXPORT, text, at)
    found = _NAME.match(text, at)
    if found is None:
        return "", "", at
    name = found[1] or found[2]
    at = _skipped(_SPACE, text, found.end())
    if not text.startswith("=", at):
        return name, "", at
    at = _skipped(_SPACE, text, at + 1)
    quote = text[at : at + 1]
    if quote in _QUOTED:
        quoted = _QUOTED[quote].match(text, at)
        if quoted is None:
            return "", "", at
        value = _ESCAPE[quote].sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), quoted[1])
        return name, value, quoted.end()
    end = _skipped(_REST, text, at)
    return name, _COMMENT.sub("", text[at:end]).rstrip(" \t\v\f"), end
