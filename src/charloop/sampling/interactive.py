"""An interactive session: a person and a network write one text, and each of its characters can be taken back."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float64, Integer

from charloop.errors import CharloopError
from charloop.sampling.along_text import Ramp, begin_ages, make_penalty, make_temperature, settle
from charloop.sampling.bias import make_bias
from charloop.sampling.config import SamplingConfig
from charloop.sampling.filters import make_filters
from charloop.sampling.host_loop import Chooser, HostLoop, TextState, softmax_row
from charloop.sampling.pickers import make_picker
from charloop.sampling.prompt import NO_BEGINNING, Beginning, find_text, prepend_beginning
from charloop.sampling.protocols import LanguageModel, TextVocabulary
from charloop.types import Parameters

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
    text: TextState
    """The state of the text after it."""


@dataclass(frozen=True)
class Candidate:
    """An id that may come next."""

    index: int
    probability: float
    """The network's own probability."""
    draw_probability: float
    """The probability that a draw takes it, with temperature and filters."""


class InteractiveSession:
    """A text after `prompt` that grows and shrinks. `config` says how the network draws, and may be replaced.

    The prompt is read after `beginning`, which does not belong to the text. Raises CharloopError as `generate_texts`
    does.
    """

    def __init__(
        self,
        model: LanguageModel,
        params: Parameters,
        vocabulary: TextVocabulary,
        prompt: str,
        config: SamplingConfig,
        beginning: Beginning = NO_BEGINNING,
    ) -> None:
        self.vocabulary, self.config = vocabulary, config
        self.prompt: Integer[np.ndarray, " prompt"] = vocabulary.encode(prompt, config.unknown)
        self.written: list[Written] = []
        self._piece_sizes: list[int] = []
        self._taken_back = 0
        self._loop = HostLoop(model, params)
        parts = vocabulary, self.prompt, beginning, config.unknown
        ages = begin_ages(config, vocabulary, find_text(*parts))
        self._start = self._loop.begin(prepend_beginning(*parts), ages)

    @property
    def text(self) -> TextState:
        """The state of the text at its end."""
        return self.written[-1].text if self.written else self._start

    @property
    def ids(self) -> list[int]:
        """The ids written, without the prompt."""
        return [one.index for one in self.written]

    def candidates(self, count: int) -> list[Candidate]:
        """Return the `count` likeliest ids, the likeliest first, without the unknown symbol."""
        own, drawn = self.text.probabilities(), self._draw_probabilities()
        order = [int(index) for index in np.argsort(-own, kind="stable")]
        allowed = [index for index in order if index != self.vocabulary.unknown_id][:count]
        return [Candidate(index, float(own[index]), float(drawn[index])) for index in allowed]

    def put(self, ids: Sequence[int]) -> None:
        """Append what the person writes, to their last piece if nothing was drawn since.

        Raises CharloopError for the unknown symbol.
        """
        if self.vocabulary.unknown_id is not None and self.vocabulary.unknown_id in ids:
            raise CharloopError("a character that the network does not know")
        if len(ids) and not (self.written and self.written[-1].by_hand):
            self._piece_sizes.append(0)
        for index in ids:
            self._append(int(index), by_hand=True)

    def draw(self, unit: Literal["character", "word", "line"]) -> Iterator[None]:
        """Let the network write one piece; each step of the iterator appends an id."""
        self._piece_sizes.append(0)
        # Other random numbers each time something was taken back.
        chooser = Chooser(make_picker(self.config, self.vocabulary), self.config.seed, self._taken_back)
        drawn = ""
        for _ in range(MAX_DRAWN):
            index = chooser.choose(self.text)
            self._append(index, by_hand=False)
            drawn += self.vocabulary.decode([index])
            yield
            if is_complete(drawn, unit):
                return

    def take_back(self) -> None:
        """Remove the last id, if there is one. The next draw uses other random numbers."""
        if self.written:
            self.written.pop()
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
        value = make_temperature(self.config)
        return float(value.at(self.text.position)) if isinstance(value, Ramp) else float(value)

    def set_temperature(self, temperature: float) -> None:
        """Set the temperature of later draws. Raises CharloopError if it is out of range."""
        self.config = replace(self.config, temperature=temperature)

    def _append(self, index: int, *, by_hand: bool) -> None:
        # A probability that underflows float64 still gets a finite number of bits to show.
        probability = max(float(self.text.probabilities()[index]), 5e-324)
        text = self._loop.advance(self.text, index)
        self.written.append(Written(index, -math.log2(probability), by_hand, text))
        self._piece_sizes[-1] += 1

    def _draw_probabilities(self) -> Float64[np.ndarray, " vocab"]:
        """Return the distribution that the next draw is made from."""
        logits = make_bias(self.config, self.vocabulary)(self.text.logits)
        if penalty := make_penalty(self.config):
            logits = settle(penalty, self.text.position, self.text.ages)(logits)
        in_word = self.config.mode == "words" and not self.vocabulary.decode([self.text.last]).isspace()
        if in_word or self.config.temperature == 0:
            greedy = np.zeros(self.vocabulary.size)
            greedy[int(logits.argmax())] = 1
            return greedy
        filters = settle(make_filters(self.config, self.vocabulary.size), self.text.position)
        return softmax_row(filters(logits))


def is_complete(drawn: str, unit: Literal["character", "word", "line"]) -> bool:
    """Return whether `drawn`, drawn one character at a time, is a whole unit; a word ends with whitespace."""
    if unit == "word":
        return drawn[-1:].isspace() and bool(drawn.strip())
    return unit == "character" or drawn.endswith("\n")
