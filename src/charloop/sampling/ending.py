"""Where a text ends: before a stop string, or after a number of lines, however it is cut into pieces."""

from collections.abc import Sequence
from dataclasses import dataclass


class Ending:
    """Passes a text on piece by piece until it ends, and holds back what may be the start of a stop string.

    The text ends just before one of `stops` (none of them empty), or just after the `lines`-th newline, whichever is
    complete first. Of those that are complete with the same character, the longest stop string wins.
    """

    def __init__(self, stops: Sequence[str] = (), lines: int | None = None) -> None:
        self.done = False
        self._stops, self._lines, self._held = stops, lines, ""

    def feed(self, piece: str) -> str:
        """Return what may be shown after `piece` has arrived; nothing once `done`."""
        if self.done:
            return ""
        text = self._held + piece
        end = self._find_end(text)
        self.done = end is not None
        if end is None:
            end = len(text) - self._count_stop_start(text)
        self._held = "" if self.done else text[end:]
        if self._lines is not None:
            self._lines -= text.count("\n", 0, end)
        return text[:end]

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        held, self._held, self.done = self._held, "", True
        return held

    def _find_end(self, text: str) -> int | None:
        """Return the index in `text` at which the whole text ends, if it does."""
        line_end = None if self._lines is None else _after_newlines(text, self._lines)
        # Where each is complete, and where the text then ends.
        ends = [] if line_end is None else [(line_end, line_end)]
        found = ((text.find(stop), len(stop)) for stop in self._stops)
        ends += [(start + size, start) for start, size in found if start >= 0]
        return min(ends)[1] if ends else None

    def _count_stop_start(self, text: str) -> int:
        """Return how many characters at the end of `text` may be the start of a stop string."""
        longest = max(map(len, self._stops), default=0)
        for size in range(min(longest - 1, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self._stops):
                return size
        return 0


def _after_newlines(text: str, count: int) -> int | None:
    """Return the index after the `count`-th newline of `text`, if it has that many."""
    end = 0
    for _ in range(count):
        end = text.find("\n", end) + 1
        if end == 0:
            return None
    return end


@dataclass(frozen=True)
class IdEnding:
    """The same ending for a text of ids: just before one of `stops`, or just after the `lines`-th `newline`.

    It keeps no state, so that ids may be taken back.
    """

    stops: tuple[tuple[int, ...], ...] = ()
    """None of them empty."""
    newline: int | None = None
    lines: int | None = None
    end: int | None = None
    """The id that ends a text and is no part of it."""

    def find_end(self, written: list[int]) -> int | None:
        """Return how many of the ids `written` (at least one) belong to the text, if the last of them ends it."""
        stopped = [len(stop) for stop in self.stops if tuple(written[-len(stop) :]) == stop]
        if stopped:
            return len(written) - max(stopped)
        if written[-1] == self.end:
            return len(written) - 1
        if self.lines and written[-1] == self.newline and written.count(self.newline) == self.lines:
            return len(written)
        return None
