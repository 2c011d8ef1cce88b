"""Lines and server-sent events out of bytes that come cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_LINE_BYTES = 32 << 20  # longer than any line a service sends; a stream without line ends must not fill the memory
_END = re.compile(rb"\r\n|\n|\r")
_MARK = b"\xef\xbb\xbf"


class TooLong(ValueError):
    """More bytes than a service sends."""


class LineReader:
    """Joins pieces and cuts them at line ends (LF, CRLF, CR), which are taken off, as is a byte order mark at the beginning."""

    def __init__(self, most_bytes: int = MOST_LINE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()
        self._is_first = True
        self._after_return = False  # a line feed that comes next belongs to the line end before it

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that end in `piece`. TooLong: one of more than `most_bytes`."""
        at = 1 if self._after_return and piece.startswith(b"\n") else 0
        if piece:
            self._after_return = piece.endswith(b"\r")
        while (end := _END.search(piece, at)) is not None:
            yield self._taken(piece[at : end.start()])
            at = end.end()
        self._rest += piece[at:]
        self._check()

    def rest(self) -> bytes:
        """What came after the last line end."""
        return self._unmarked(bytes(self._rest))

    def _taken(self, end: bytes) -> bytes:
        self._rest += end
        self._check()
        line = self._unmarked(bytes(self._rest))
        self._rest.clear()
        self._is_first = False
        return line

    def _unmarked(self, line: bytes) -> bytes:
        return line.removeprefix(_MARK) if self._is_first else line

    def _check(self) -> None:
        if len(self._rest) > self._most_bytes:
            raise TooLong(f"a line of more than {self._most_bytes} bytes")


@dataclass(frozen=True)
class Line:
    """`is_cut`: the stream ended before the line did."""

    text: bytes
    is_cut: bool = False


def lines_of(pieces: Iterable[bytes]) -> Iterator[Line]:
    """Every line, and what came after the last line end."""
    reader = LineReader()
    for piece in pieces:
        for text in reader.feed(piece):
            yield Line(text)
    if rest := reader.rest():
        yield Line(rest, is_cut=True)


class Unframed:
    """The lines of an answer that is none of the frames that were asked for: one JSON text, a web page."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._bytes = 0

    def add(self, line: bytes) -> None:
        self._bytes += len(line) + 1
        if self._bytes > MOST_LINE_BYTES:
            raise TooLong(f"an answer of more than {MOST_LINE_BYTES} bytes that is no stream")
        self._lines.append(line)

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def text(self) -> bytes:
        return b"\n".join(self._lines)


@dataclass(frozen=True)
class Event:
    data: bytes
    name: bytes = b""


class ServerSentEvents:
    """Events out of lines: `data:` lines up to an empty one, joined, and the name that an `event:` line gives. Comments and other
    fields are passed over (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

    def __init__(self) -> None:
        self._data: list[bytes] = []
        self._name = b""
        self.has_begun = False  # a data line was seen: this is a stream of events

    def take(self, line: bytes) -> Event | None:
        """The event that ends with this line, if one does."""
        if not line:
            return self.rest()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self.has_begun = True
            self._data.append(value)
        elif field == b"event":
            self._name = value
        return None

    def rest(self) -> Event | None:
        """The event that no empty line has ended."""
        data, name = self._data, self._name
        self._data, self._name = [], b""
        return Event(b"\n".join(data), name) if data else None


def is_field(line: bytes) -> bool:
    """Whether a stream of events may have this line."""
    return line.partition(b":")[0] in (b"", b"data", b"event", b"id", b"retry")
