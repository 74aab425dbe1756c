"""Where a text ends: before a stop string, or after a number of lines, however it is cut into pieces."""

from dataclasses import dataclass


class Ending:
    """Passes a text on piece by piece until it ends, and holds back what may be the start of the stop string.

    The text ends just before `stop`, or just after the `lines`-th newline, whichever is complete first.
    The stop string wins if both are complete with the same character.
    """

    def __init__(self, stop: str | None = None, lines: int | None = None) -> None:
        self.done = False
        self._stop, self._lines, self._held = stop, lines, ""

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
        start = -1 if self._stop is None else text.find(self._stop)
        if self._stop is None or start < 0:
            return line_end
        stopped_first = line_end is None or start + len(self._stop) <= line_end
        return start if stopped_first else line_end

    def _count_stop_start(self, text: str) -> int:
        """Return how many characters the end of `text` and the start of the stop string share."""
        stop = self._stop or ""
        sizes = range(min(len(stop) - 1, len(text)), 0, -1)
        return next((size for size in sizes if text.endswith(stop[:size])), 0)


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
    """The same ending for a text of ids: just before `stop`, or just after the `lines`-th `newline`.

    It keeps no state, so that ids may be taken back.
    """

    stop: tuple[int, ...] = ()
    """Empty: no stop string."""
    newline: int | None = None
    lines: int | None = None
    end: int | None = None
    """The id that ends a text and is no part of it."""

    def find_end(self, written: list[int]) -> int | None:
        """Return how many of the ids `written` (at least one) belong to the text, if the last of them ends it."""
        if self.stop and tuple(written[-len(self.stop) :]) == self.stop:
            return len(written) - len(self.stop)
        if written[-1] == self.end:
            return len(written) - 1
        if self.lines and written[-1] == self.newline and written.count(self.newline) == self.lines:
            return len(written)
        return None
