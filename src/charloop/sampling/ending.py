"""Where a text ends: before a stop string, or after a number of lines, however it is cut into pieces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from charloop.errors import CharloopError
from charloop.sampling.config import SamplingConfig
from charloop.sampling.protocols import TextVocabulary


class Ending:
    """Passes a text on piece by piece until it ends, and holds back what may be the start of a stop string.

    The text ends just before one of `stops` (none of them empty), or just after the `lines`-th `newline`, whichever
    is complete first. Of those that are complete with the same character, the longest stop string wins. A stop string
    may begin in `before`, which was passed on earlier; then nothing more is.
    """

    def __init__(
        self, stops: Sequence[str] = (), lines: int | None = None, newline: str = "\n", before: str = ""
    ) -> None:
        self.done = False
        self._stops, self._lines, self._newline = stops, lines, newline
        self._before, self._held = before, ""

    def feed(self, piece: str) -> str:
        """Return what may be shown after `piece` has arrived; nothing once `done`."""
        if self.done:
            return ""
        start, text = len(self._before), self._before + self._held + piece
        end = self._find_end(text, len(text) - len(piece))
        self.done = end is not None
        if end is None:
            end = len(text) - self._count_stop_start(text)
        shown, end = text[start:end], max(start, end)
        self._held = "" if self.done else text[end:]
        kept = max(map(len, self._stops), default=1) - 1
        self._before = text[max(0, end - kept) : end]
        if self._lines is not None:
            self._lines -= shown.count(self._newline)
        return shown

    def flush(self) -> str:
        """Return what was held back, at the end of the text."""
        held, self._held, self.done = self._held, "", True
        return held

    def _find_end(self, text: str, known: int) -> int | None:
        """Return the index in `text` at which the whole text ends, if it does so after the `known` characters."""
        start = len(self._before)
        line_end = None if self._lines is None else _after(self._newline, text, self._lines, start)
        # Where each is complete, and where the text then ends.
        ends = [] if line_end is None else [(line_end, line_end)]
        found = ((text.find(stop, max(0, known - len(stop) + 1)), len(stop)) for stop in self._stops)
        ends += [(start + size, start) for start, size in found if start >= 0]
        return min(ends)[1] if ends else None

    def _count_stop_start(self, text: str) -> int:
        """Return how many characters at the end of `text` may be the start of a stop string."""
        longest = max(map(len, self._stops), default=0)
        for size in range(min(longest - 1, len(text)), 0, -1):
            if any(stop.startswith(text[-size:]) for stop in self._stops):
                return size
        return 0


def _after(newline: str, text: str, count: int, start: int) -> int | None:
    """Return the index after the `count`-th `newline` of `text` from `start` on, if it has that many."""
    for _ in range(count):
        start = text.find(newline, start) + 1
        if start == 0:
            return None
    return start


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
    before: tuple[int, ...] = ()
    """Ids written earlier, in which a stop string may begin; then nothing more belongs to the text."""

    def find_end(self, written: list[int]) -> int | None:
        """Return how many of the ids `written` (at least one) belong to the text, if the last of them ends it."""
        recent = [*self.before, *written] if self.before else written
        stopped = [len(stop) for stop in self.stops if tuple(recent[-len(stop) :]) == stop]
        if stopped:
            return max(0, len(written) - max(stopped))
        if written[-1] == self.end:
            return len(written) - 1
        if self.lines and written[-1] == self.newline and written.count(self.newline) == self.lines:
            return len(written)
        return None

    def of_stream(self) -> Ending:
        """Return the same ending for ids that come in pieces, each as `as_characters` writes them."""
        stops = [as_characters(stop) for stop in self.stops]
        stops += [] if self.end is None else [chr(self.end)]
        newline = "" if self.newline is None else chr(self.newline)
        return Ending(stops, self.lines, newline, as_characters(self.before))


def as_characters(ids: Iterable[int]) -> str:
    """Return a string with one character for each id, whatever the id stands for: strings are searched fast."""
    return "".join(map(chr, ids))


def make_id_ending(config: SamplingConfig, vocabulary: TextVocabulary) -> IdEnding:
    """Return where a text of ids ends; a stop string with characters that the vocabulary lacks never occurs."""
    encoded = [(stop, vocabulary.encode(stop, unknown="skip").tolist()) for stop in config.stops]
    stops = tuple(tuple(ids) for stop, ids in encoded if vocabulary.decode(ids) == stop)
    newline = vocabulary.encode("\n", unknown="skip").tolist()
    return IdEnding(stops, newline[0] if newline else None, config.lines, vocabulary.end_id)


def check_lines(config: SamplingConfig, vocabulary: TextVocabulary) -> None:
    """Raise CharloopError if lines are to end a text in which no line can end."""
    if config.lines is not None and not len(vocabulary.encode("\n", unknown="skip")):
        whole = "a document ends by itself: use --documents" if vocabulary.end_id is not None else None
        raise CharloopError(
            "--lines: this network knows no newline",
            do=whole or "end the text with --length or --stop",
        )
