"""An interactive session: a person and a network write one text, and each of its tokens can be taken back."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from charloop.errors import CharloopError
from charloop.sampling.along_text import Ramp, make_temperature
from charloop.sessions.mark import Mark
from charloop.sessions.session import Session

MAX_DRAWN = 400
"""The most ids that one draw of a word or line takes: a network may never end it."""


@dataclass(frozen=True)
class Written:
    """One id of the text."""

    index: int
    bits: float
    """Its surprise under the network's own probabilities, without temperature or filters."""
    by_hand: bool
    """Whether the person wrote it, rather than the network."""
    before: Mark
    """The place before it."""


@dataclass(frozen=True)
class Candidate:
    """An id that may come next."""

    index: int
    probability: float
    """The network's own probability."""
    draw_probability: float
    """The probability that a draw takes it, with temperature and filters."""


class InteractiveSession:
    """The text of `session`, so far the prompt, that grows and shrinks."""

    def __init__(self, session: Session) -> None:
        self.session, self.vocabulary = session, session.vocabulary
        self.prompt = session.ids
        self.written: list[Written] = []
        self._piece_sizes: list[int] = []
        self._taken_back = 0
        session.settle()

    @property
    def ids(self) -> list[int]:
        """The ids written, without the prompt."""
        return [one.index for one in self.written]

    def candidates(self, count: int) -> list[Candidate]:
        """Return the `count` likeliest ids, the likeliest first, without those that are never written."""
        here = self.session.next()
        own, drawn = here.probabilities, here.draw_probabilities
        never = set(self.vocabulary.never_written)
        allowed = [index for index in here.order() if index not in never][:count]
        return [Candidate(index, float(own[index]), float(drawn[index])) for index in allowed]

    def put(self, ids: Sequence[int]) -> None:
        """Append what the person writes, to their last piece if nothing was drawn since.

        Raises CharloopError for the unknown symbol and for labels.
        """
        if not set(self.vocabulary.never_written).isdisjoint(ids):
            raise CharloopError("a character that the network does not know")
        if len(ids) and not (self.written and self.written[-1].by_hand):
            self._piece_sizes.append(0)
        for index in ids:
            before, next_ = self.session.mark(), self.session.next()
            self.session.read_ids([index])
            self.session.settle()
            self._append(int(index), float(next_.probabilities[index]), before, by_hand=True)

    def put_text(self, text: str) -> None:
        """Append what the person writes. Raises CharloopError for a character that the network does not know."""
        self.put(self.vocabulary.encode(text, self.session.config.unknown).tolist())

    def draw(self, unit: Literal["character", "word", "line"]) -> Iterator[None]:
        """Let the network write one piece; each step of the iterator appends an id."""
        self._piece_sizes.append(0)
        # Other random numbers each time something was taken back.
        self.session.change(sample=self._taken_back)
        drawn = ""
        for _ in range(MAX_DRAWN):
            before, next_ = self.session.mark(), self.session.next()
            index = int(self.session.write_ids(1)[0])
            self._append(index, float(next_.probabilities[index]), before, by_hand=False)
            drawn += self.vocabulary.decode([index])
            yield
            if is_complete(drawn, unit):
                return

    def take_back(self) -> None:
        """Remove the last id, if there is one. The next draw uses other random numbers."""
        if self.written:
            self.session.rewind(self.written.pop().before)
            self._piece_sizes[-1] -= 1
            self._piece_sizes = [size for size in self._piece_sizes if size]
            self._taken_back += 1

    def take_back_piece(self) -> None:
        """Remove what is left of the last piece: one draw, or what was put with no draw in between."""
        for _ in range(self._piece_sizes[-1] if self._piece_sizes else 0):
            self.take_back()

    @property
    def temperature(self) -> float:
        """The temperature of the next draw."""
        value = make_temperature(self.session.config)
        return float(value.at(self.session.position)) if isinstance(value, Ramp) else float(value)

    def set_temperature(self, temperature: float) -> None:
        """Set the temperature of later draws. Raises CharloopError if it is out of range."""
        self.session.change(temperature=temperature)

    def _append(self, index: int, probability: float, before: Mark, *, by_hand: bool) -> None:
        # A probability that underflows float64 still gets a finite number of bits to show.
        self.written.append(Written(index, -math.log2(max(probability, 5e-324)), by_hand, before))
        self._piece_sizes[-1] += 1
        if index == self.vocabulary.end_id:
            self.session.read_ids(self.session.label_ids)


def is_complete(drawn: str, unit: Literal["character", "word", "line"]) -> bool:
    """Return whether `drawn`, drawn one character at a time, is a whole unit; a word ends with whitespace."""
    if unit == "word":
        return drawn[-1:].isspace() and bool(drawn.strip())
    return unit == "character" or drawn.endswith("\n")
