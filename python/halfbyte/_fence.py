"""Takes off the Markdown fence that models like to put around a whole Markdown answer, while it streams."""

from __future__ import annotations

import re

_OPENING = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*(?:markdown|md)[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*(.*?)[ \t]*")


class OuterFence:
    """`feed` gives what can be shown of the text so far, `close` the rest.

    An outer fence is a first line ```markdown (or md), and a last line that closes it. A fence inside is told from it by
    what opens and closes in between; a closing line waits until it is known whether more comes after it.
    """

    def __init__(self) -> None:
        self._line = ""  # not shown yet: it may become a fence
        self._waiting = ""  # a bare fence, and blank lines after it
        self._outer: str | None = None
        self._inner: str | None = None
        self._is_before_text = True
        self._is_fence_possible = True

    def feed(self, piece: str) -> str:
        shown = []
        for part in piece.splitlines(keepends=True):
            shown.append(self._part(part))
        return "".join(shown)

    def close(self) -> str:
        shown = self._finished(self._line) if self._line else ""
        self._line = ""
        return shown  # a fence that still waits was the outer one's end

    def _part(self, part: str) -> str:
        """A piece of one line, or its end."""
        is_end = part.endswith(("\n", "\r"))
        self._line += part
        if self._outer is None and not self._is_before_text:
            whole, self._line = self._line, ""
            return whole
        if is_end:
            whole, self._line = self._line, ""
            is_open, self._is_fence_possible = self._is_fence_possible, True
            return self._finished(whole) if is_open else whole
        start = self._line.lstrip(" ")
        if self._is_fence_possible and (not start or start[0] in "`~" or not start.strip()):
            return ""
        # No fence begins like this: the line can be shown as it comes.
        whole, self._line = self._line, ""
        self._is_fence_possible = False
        self._is_before_text = False
        return self._waited() + whole

    def _waited(self) -> str:
        """The fence that waited: more has come after it, so it opened a block inside."""
        waited, self._waiting = self._waiting, ""
        if waited:
            self._inner = _mark_of(waited)
        return waited

    def _finished(self, line: str) -> str:
        """A line that may be a fence."""
        text = line.rstrip("\r\n")
        if self._is_before_text:
            if not text.strip():
                return line
            self._is_before_text = False
            if opening := _OPENING.fullmatch(text):
                self._outer = opening[1]
                return ""
        if self._outer is None:
            return line
        if not text.strip() and self._waiting:
            self._waiting += line
            return ""
        waited = self._waited()
        fence = _FENCE.fullmatch(text)
        if fence is None:
            return waited + line
        mark, info = fence[1], fence[2]
        if self._inner is not None:
            if not info and mark[0] == self._inner[0] and len(mark) >= len(self._inner):
                self._inner = None
            return waited + line
        if not info and mark[0] == self._outer[0] and len(mark) >= len(self._outer):
            self._waiting = line
            return waited
        self._inner = mark
        return waited + line


def _mark_of(text: str) -> str | None:
    fence = _FENCE.fullmatch(text.splitlines()[0])
    return fence[1] if fence else None


def strip_outer_fence(text: str) -> str:
    """The whole of a text at once."""
    fence = OuterFence()
    return fence.feed(text) + fence.close()
