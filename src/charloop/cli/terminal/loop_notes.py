"""A note where a network that takes likely characters only repeats the same ones for ever: a loop."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from charloop.sampling.config import SamplingConfig

MIN_ROUNDS, MIN_LENGTH, MAX_PERIOD = 3, 30, 1000
"""The least number of rounds of a loop, its least length in characters, and the most characters of one round."""

LOW_TEMPERATURE = 0.3
"""Temperatures from here on hardly ever make loops."""


class Loop(NamedTuple):
    """The end of a text that repeats itself."""

    period: int
    """The number of characters that are repeated."""
    length: int
    """The number of characters in all rounds together."""


def find_loop(text: str) -> Loop | None:
    """Return the loop of the shortest period that `text` ends in, if there is one."""
    for period in range(1, min(len(text) // MIN_ROUNDS, MAX_PERIOD) + 1):
        length = MIN_ROUNDS * period
        if text[-period:] * MIN_ROUNDS != text[-length:]:
            continue
        while length < len(text) and text[-length - 1] == text[period - length - 1]:
            length += 1
        if length >= MIN_LENGTH:
            return Loop(period, length)
    return None


def is_prone_to_loops(config: SamplingConfig) -> bool:
    """Return whether a loop is the fault of the settings: a text of `config` takes likely characters only.

    At other settings, a text that repeats itself is what the network has learned: a level of a game, a table.
    """
    temperatures = config.temperature if isinstance(config.temperature, tuple) else (config.temperature,)
    return min(temperatures) < LOW_TEMPERATURE or config.top_k == 1


@dataclass
class LoopNotes:
    """Looks for a loop at the end of each text that `config` writes."""

    config: SamplingConfig
    noun: str = "text"
    """What one of the texts is called."""
    _texts: int = field(init=False, default=0)
    _loops: list[Loop] = field(init=False, default_factory=list)

    def watch(self, pieces: Iterable[str]) -> Iterator[str]:
        """Yield the pieces of a text, then look at it."""
        text = ""
        for piece in pieces:
            text += piece
            yield piece
        self.look(text)

    def look(self, text: str) -> None:
        """Look at the end of a whole text."""
        self._texts += 1
        if is_prone_to_loops(self.config) and (loop := find_loop(text)):
            self._loops.append(loop)

    def notes(self) -> Iterator[str]:
        """Yield how many of the texts end in a loop, if any does, and what to do."""
        if not self._loops:
            return
        longest = max(self._loops, key=lambda loop: loop.length)
        length, period = f"{longest.length:,} characters", f"the same {longest.period:,}"
        if self._texts == 1:
            yield f"the {self.noun} ends in a loop: its last {length} repeat {period}; {self._advice()}"
            return
        verb = "ends" if len(self._loops) == 1 else "end"
        yield (
            f"{len(self._loops):,} of {self._texts:,} {self.noun}s {verb} in a loop "
            f"(the longest: {length} that repeat {period}); {self._advice()}"
        )

    def _advice(self) -> str:
        ways = [] if self.noun == "document" else ["--no-repeat"]
        ways += ["--repetition-penalty"] if self.config.repetition_penalty == 1 else []
        last = (
            "a higher --top-k"
            if self.config.temperature and self.config.top_k == 1
            else "a higher temperature"
        )
        return f"{', '.join(ways)}{' or ' if ways else ''}{last} avoids it"
