"""Markdown on a terminal, line by line as it comes: headings, lists, quotes, code and tables, in plain ANSI."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

BOLD, DIM, ITALIC, UNDERLINE, CYAN = "1", "2", "3", "4", "36"
_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+(.*)")
_RULE = re.compile(r" {0,3}([-*_])\s*(?:\1\s*){2,}")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([^`]*)")
_DIVIDER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_INLINE = re.compile(
    r"(?P<code>`+)(?P<in_code>.+?)(?P=code)"
    r"|\*\*(?P<bold>\S(?:.*?\S)?)\*\*"
    r"|(?<!\w)__(?P<bold2>\S(?:.*?\S)?)__(?!\w)"
    r"|\*(?P<italic>[^\s*](?:[^*]*[^\s*])?)\*"
    r"|(?<!\w)_(?P<italic2>[^\s_](?:[^_]*[^\s_])?)_(?!\w)"
    r"|\[(?P<text>[^\]]+)\]\((?P<url>[^)\s]+)\)"
)
# Control characters could move the cursor, set the title or worse; direction marks could reorder what is read.
_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

Span = tuple[str, tuple[str, ...]]


def harmless(text: str) -> str:
    """Text from a model without what a terminal would obey."""
    return _HARMFUL.sub("", text.replace("\t", "    "))


def cells(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


class TerminalMarkdown:
    """Writes Markdown as it should look on `width` columns; with `has_color` False, without any escape sequence.

    `feed` writes every line that is complete, tables when they end; `close` what is left.
    """

    def __init__(self, write: Callable[[str], object], *, width: int = 80, has_color: bool = True) -> None:
        self._write = write
        self._width = max(width, 20)
        self._has_color = has_color
        self._line = ""
        self._code: str | None = None
        self._table: list[str] = []

    def feed(self, piece: str) -> None:
        *lines, self._line = (self._line + piece.replace("\r\n", "\n")).split("\n")
        for line in lines:
            self._take(harmless(line))

    def close(self) -> None:
        if self._line:
            self._take(harmless(self._line))
            self._line = ""
        self._end_table()

    def _take(self, line: str) -> None:
        fence = _FENCE.fullmatch(line)
        if self._code is not None:
            if fence and not fence[2].strip() and fence[1].startswith(self._code):
                self._code = None
            else:
                self._put("    " + self._paint(line, (CYAN,)))
            return
        if line.lstrip().startswith("|"):
            self._table.append(line)
            return
        self._end_table()
        if fence:
            self._code = fence[1]
        elif not line.strip():
            self._put("")
        elif heading := _HEADING.fullmatch(line):
            style = (BOLD, UNDERLINE) if len(heading[1]) == 1 else (BOLD,)
            self._put_wrapped(heading[2], style=style)
        elif _RULE.fullmatch(line):
            self._put(self._paint("─" * self._width, (DIM,)))
        elif item := _ITEM.fullmatch(line):
            mark = item[2] if item[2][0].isdigit() else "•"
            indent = " " * len(item[1])
            self._put_wrapped(item[3], first=f"{indent}{mark} ", rest=indent + " " * (len(mark) + 1))
        elif line.lstrip().startswith(">"):
            self._put_wrapped(line.lstrip().lstrip("> "), first="│ ", rest="│ ", style=(DIM,))
        else:
            self._put_wrapped(line)

    def _put(self, line: str) -> None:
        self._write(line + "\n")

    def _put_wrapped(self, text: str, *, first: str = "", rest: str = "", style: tuple[str, ...] = ()) -> None:
        line, used = first, cells(first)
        is_empty = True
        for word, width in self._words(_spans(text, style)):
            if not is_empty and used + 1 + width > self._width:
                self._put(line)
                line, used, is_empty = rest, cells(rest), True
            line += word if is_empty else " " + word
            used += width if is_empty else 1 + width
            is_empty = False
        self._put(line)

    def _words(self, spans: Sequence[Span]) -> Iterator[tuple[str, int]]:
        """Painted words with their widths; a word may be made of several spans."""
        word, width = "", 0
        for text, style in spans:
            for part in re.split(r"(\s+)", text):
                if part.isspace():
                    if word:
                        yield word, width
                    word, width = "", 0
                elif part:
                    word += self._paint(part, style)
                    width += cells(part)
        if word:
            yield word, width

    def _paint(self, text: str, style: tuple[str, ...]) -> str:
        if not self._has_color or not style or not text:
            return text
        return f"\x1b[{';'.join(style)}m{text}\x1b[0m"

    def _end_table(self) -> None:
        lines, self._table = self._table, []
        if len(lines) < 2 or not _DIVIDER.fullmatch(lines[1]):
            for line in lines:
                self._put_wrapped(line)
            return
        rows = [_row(line) for line in [lines[0], *lines[2:]]]
        columns = max(len(row) for row in rows)
        rows = [row + [""] * (columns - len(row)) for row in rows]
        spans = [[_spans(cell, (BOLD,) if number == 0 else ()) for cell in row] for number, row in enumerate(rows)]
        widths = [max(_width(row[column]) for row in spans) for column in range(columns)]
        right = [cell.endswith(":") and not cell.startswith(":") for cell in _row(lines[1])]
        right += [False] * (columns - len(right))
        for number, row in enumerate(spans):
            shown = []
            for cell, width, is_right in zip(row, widths, right, strict=False):
                text = "".join(self._paint(part, style) for part, style in cell)
                space = " " * (width - _width(cell))
                shown.append(space + text if is_right else text + space)
            self._put("  ".join(shown).rstrip())
            if number == 0:
                self._put(self._paint("  ".join("─" * width for width in widths), (DIM,)))


def _width(spans: Sequence[Span]) -> int:
    return sum(cells(text) for text, _ in spans)


def _row(line: str) -> list[str]:
    """The cells of a table's line; a bar after a backslash is text."""
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _spans(text: str, style: tuple[str, ...] = ()) -> list[Span]:
    """Inline Markdown as pieces of text with their styles, marks taken off."""
    spans: list[Span] = []
    end = 0
    for found in _INLINE.finditer(text):
        spans.append((text[end : found.start()], style))
        end = found.end()
        if found["in_code"] is not None:
            spans.append((found["in_code"].strip() or found["in_code"], (*style, CYAN)))
        elif bold := found["bold"] or found["bold2"]:
            spans += _spans(bold, (*style, BOLD))
        elif italic := found["italic"] or found["italic2"]:
            spans += _spans(italic, (*style, ITALIC))
        else:
            spans.append((found["text"], (*style, UNDERLINE)))
            if found["url"] != found["text"]:
                spans.append((f" ({found['url']})", (*style, DIM)))
    spans.append((text[end:], style))
    return [span for span in spans if span[0]]
