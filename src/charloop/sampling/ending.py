"""Where a text ends: before a stop string, or after so many lines, however the text was cut into pieces."""

from dataclasses import dataclass


class Ending:
    """Lets a text through piece by piece until it ends, and holds back what may yet become the stop string.

    The text ends where the first condition is complete: just before `stop`, or just after the `lines`-th new line.
    The stop string wins if both are complete with the same character.
    """

    def __init__(self, stop: str | None = None, lines: int | None = None) -> None:
        self.done = False
        self._stop, self._lines, self._held = stop, lines, ""

    def feed(self, piece: str) -> str:
        """What may be shown now that `piece` has come; nothing more once `done`."""
        if self.done:
            return ""
        text = self._held + piece
        end = self._end(text)
        self.done = end is not None
        if end is None:
            end = len(text) - self._beginning_of_stop(text)
        self._held = "" if self.done else text[end:]
        if self._lines is not None:
            self._lines -= text.count("\n", 0, end)
        return text[:end]

    def flush(self) -> str:
        """What was held back, now that no more comes."""
        held, self._held, self.done = self._held, "", True
        return held

    def _end(self, text: str) -> int | None:
        """Where in `text` the whole text ends, if it does."""
        line_end = None if self._lines is None else _after_newlines(text, self._lines)
        start = -1 if self._stop is None else text.find(self._stop)
        if self._stop is None or start < 0:
            return line_end
        stopped_first = line_end is None or start + len(self._stop) <= line_end
        return start if stopped_first else line_end

    def _beginning_of_stop(self, text: str) -> int:
        """Length of the longest end of `text` that the stop string begins with."""
        stop = self._stop or ""
        sizes = range(min(len(stop) - 1, len(text)), 0, -1)
        return next((size for size in sizes if text.endswith(stop[:size])), 0)


def _after_newlines(text: str, count: int) -> int | None:
    """The index after the `count`-th new line of `text`, if it has as many."""
    end = 0
    for _ in range(count):
        end = text.find("\n", end) + 1
        if end == 0:
            return None
    return end


@dataclass(frozen=True)
class IdEnding:
    """The same ending told by ids: just before `stop`, or just after the `lines`-th `newline`.

    It keeps nothing, so that a text may be taken back.
    """

    stop: tuple[int, ...] = ()
    """No ids: never."""
    newline: int | None = None
    lines: int | None = None

    def cut(self, written: list[int]) -> int | None:
        """How many of `written` (at least one) the text has, if it ends with the last of them."""
        if self.stop and tuple(written[-len(self.stop) :]) == self.stop:
            return len(written) - len(self.stop)
        if self.lines and written[-1] == self.newline and written.count(self.newline) == self.lines:
            return len(written)
        return None
