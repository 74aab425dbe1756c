"""A person and a network write one text together: each character is by one of the two, and can be taken back."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64, Integer

from charloop.errors import CharloopError
from charloop.sampling.before import NOTHING, Before
from charloop.sampling.config import SamplingConfig
from charloop.sampling.filters import Forbid
from charloop.sampling.reading import LanguageModel
from charloop.sampling.text import beginning, filters_of, picker_of
from charloop.sampling.ticking import Chooser, Tick, Ticker, chances_of
from charloop.sampling.vocabulary import TextVocabulary
from charloop.types import Parameters

MOST = 400
"""Ids that one draw of a word or a line may take: a network may never come to its end."""


@dataclass(frozen=True)
class Written:
    """One id of the text, and where the text stands after it."""

    index: int
    bits: float
    """What it cost in the network's own distribution, without temperature or filters."""
    by_hand: bool
    tick: Tick


@dataclass(frozen=True)
class Candidate:
    """An id that may come next."""

    index: int
    chance: float
    """In the network's own distribution."""
    drawn: float
    """How likely a draw takes it, with temperature and filters."""


class Together:
    """A text after `prompt` that grows and shrinks; `config` says how the network draws, and may be changed.

    The prompt is read after `before`, which is no part of the text.

    Raises CharloopError as `generate` does.
    """

    def __init__(
        self,
        model: LanguageModel,
        params: Parameters,
        vocabulary: TextVocabulary,
        prompt: str,
        config: SamplingConfig,
        before: Before = NOTHING,
    ) -> None:
        self.vocabulary, self.config = vocabulary, config
        self.prompt: Integer[np.ndarray, " prompt"] = vocabulary.encode(prompt, config.unknown)
        self.written: list[Written] = []
        self._pieces: list[int] = []
        self._taken_back = 0
        self._ticker = Ticker(model, params)
        self._begun = self._ticker.begin(beginning(vocabulary, self.prompt, before, config.unknown))

    @property
    def tick(self) -> Tick:
        """Where the text stands."""
        return self.written[-1].tick if self.written else self._begun

    @property
    def ids(self) -> list[int]:
        """What is written, without the prompt."""
        return [one.index for one in self.written]

    def candidates(self, count: int) -> list[Candidate]:
        """The `count` likeliest ids, the likeliest first; never the unknown sign."""
        chances, drawn = self.tick.chances(), self._drawn()
        order = [int(index) for index in np.argsort(-chances, kind="stable")]
        allowed = [index for index in order if index != self.vocabulary.unknown_id][:count]
        return [Candidate(index, float(chances[index]), float(drawn[index])) for index in allowed]

    def put(self, ids: Sequence[int]) -> None:
        """Write what the person says; a piece with what they said just before. CharloopError for the unknown sign."""
        if self.vocabulary.unknown_id is not None and self.vocabulary.unknown_id in ids:
            raise CharloopError("a character that the network does not know")
        if len(ids) and not (self.written and self.written[-1].by_hand):
            self._pieces.append(0)
        for index in ids:
            self._append(int(index), by_hand=True)

    def draw(self, unit: Literal["character", "word", "line"]) -> Iterator[None]:
        """Let the network write; one piece, of which each step of the iterator is an id."""
        self._pieces.append(0)
        # The chances of a place are others each time that something was taken back.
        chooser = Chooser(picker_of(self.config, self.vocabulary), self.config.seed, self._taken_back)
        text = ""
        for _ in range(MOST):
            index = chooser.choose(self.tick)
            self._append(index, by_hand=False)
            text += self.vocabulary.decode([index])
            yield
            if is_over(text, unit):
                return

    def take_back(self) -> None:
        """Forget the last id, if there is one. The network will not simply draw it again."""
        if self.written:
            self.written.pop()
            self._pieces[-1] -= 1
            self._pieces = [size for size in self._pieces if size]
            self._taken_back += 1

    def take_back_piece(self) -> None:
        """Forget all of the last piece that is left: what was drawn at once, or put with nothing drawn between."""
        for _ in range(self._pieces[-1] if self._pieces else 0):
            self.take_back()

    def set_temperature(self, temperature: float) -> None:
        """Draw with it from now on; CharloopError if it is out of its range."""
        self.config = replace(self.config, temperature=temperature)

    def _append(self, index: int, *, by_hand: bool) -> None:
        # A chance that float64 has no number for still costs a number of bits that can be shown.
        chance = max(float(self.tick.chances()[index]), 5e-324)
        tick = self._ticker.after(self.tick, index)
        self.written.append(Written(index, -math.log2(chance), by_hand, tick))
        self._pieces[-1] += 1

    def _drawn(self) -> Float64[np.ndarray, " vocab"]:
        """The distribution that a draw is made from here."""
        logits, unknown = self.tick.logits, self.vocabulary.unknown_id
        if unknown is not None:
            logits = Forbid(jnp.array([unknown], jnp.int32))(logits)
        within = self.config.mode == "words" and not self.vocabulary.decode([self.tick.last]).isspace()
        if within or self.config.temperature == 0:
            certain = np.zeros(self.vocabulary.size)
            certain[int(logits.argmax())] = 1
            return certain
        return chances_of(filters_of(self.config, self.vocabulary)(logits))


def is_over(text: str, unit: Literal["character", "word", "line"]) -> bool:
    """Whether `text`, drawn character by character, is a whole unit: a word ends with the white space after it."""
    if unit == "word":
        return text[-1:].isspace() and bool(text.strip())
    return unit == "character" or text.endswith("\n")
