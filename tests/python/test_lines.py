"""Bytes of a stream to lines and events, wherever they are cut."""

from __future__ import annotations

import pytest

from halfbyte.inference._lines import Event, Line, LineReader, ServerSentEvents, TooLong, lines_of

MARK = b"\xef\xbb\xbf"
TEXT = MARK + b"one\r\n\r\ntwo\rthree\n\nGr\xc3\xbc\xc3\x9f\r\rrest"
LINES = [Line(line) for line in (b"one", b"", b"two", b"three", b"", b"Gr\xc3\xbc\xc3\x9f", b"")] + [Line(b"rest", is_cut=True)]


@pytest.mark.parametrize("step", range(1, len(TEXT) + 1))
def test_lines_do_not_depend_on_where_the_bytes_are_cut(step: int) -> None:
    pieces = [TEXT[at : at + step] for at in range(0, len(TEXT), step)]
    assert list(lines_of(pieces)) == LINES


def test_a_line_is_there_as_soon_as_its_end_is() -> None:
    reader = LineReader()
    assert list(reader.feed(b"one\r")) == [b"one"]
    assert list(reader.feed(b"\ntwo\n")) == [b"two"]


def test_a_byte_order_mark_is_one_at_the_beginning_only() -> None:
    assert list(lines_of([MARK + b"a\n" + MARK + b"b\n"])) == [Line(b"a"), Line(MARK + b"b")]
    assert list(lines_of([MARK])) == []


def test_a_line_without_an_end_is_refused() -> None:
    reader = LineReader(10)
    assert list(reader.feed(b"0123456789")) == []
    with pytest.raises(TooLong):
        list(reader.feed(b"x"))


def test_events_are_read_as_the_standard_writes_them() -> None:
    events = ServerSentEvents()
    lines = [
        *(b": comment", b"", b"event: message", b"data: one", b"data:two", b"id: 1", b"retry: 9", b"unknown: x", b"", b""),
        *(b"data", b"", b"event: error", b"", b"data:  a", b"", b"data: cut off"),
    ]
    seen = [event for line in lines if (event := events.take(line))]
    assert seen == [Event(b"one\ntwo", b"message"), Event(b""), Event(b" a")]
    assert events.rest() == Event(b"cut off")
