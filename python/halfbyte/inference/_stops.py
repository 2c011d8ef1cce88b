"""Text that ends before a stop string, for the kinds that make their text in this process."""

from __future__ import annotations

from collections.abc import Sequence


class StopScanner:
    """Nothing of a stop string leaves, however the text is cut."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def push(self, piece: str) -> str:
        """What may be shown now: the tail that may begin a stop string waits."""
        if self.found:
            return ""
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.found = True
            self._held = ""
            return text[: min(places)]
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        tail = next((n for n in range(min(longest, len(text)), 0, -1) if self._may_begin(text[-n:])), 0)
        self._held = text[len(text) - tail :]
        return text[: len(text) - tail]

    def _may_begin(self, tail: str) -> bool:
        return any(stop.startswith(tail) for stop in self._stops)

    def finish(self) -> str:
        """What was held back, where no stop string came of it."""
        held, self._held = self._held, ""
        return held
