"""What a loss is worth: what simpler ways to predict the same text, from the same training text, come to."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Integer
from msgspec import Meta

from charloop.baselines.compressors import COMPRESSORS, bits_per_character
from charloop.baselines.ngrams import witten_bell
from charloop.data import Vocabulary
from charloop.errors import CharloopError

MOST_TRAINING, MOST_TEXT = 4_000_000, 1_000_000
"""Characters that n-grams count and predict: the end of the training text, the beginning of the other."""
UNIGRAM = "unigram"

Nats = Annotated[float, Meta(ge=0, le=1e4)]
Characters = Annotated[int, Meta(ge=1, le=2**62)]


@dataclass(frozen=True)
class Rung:
    """One way to predict, and what it comes to."""

    name: Annotated[str, Meta(min_length=1, max_length=20)]
    """uniform, unigram, 2-gram to 6-gram, bz2 or xz."""
    nats: Nats
    """Nats per character."""

    @property
    def bits(self) -> float:
        """Bits per character."""
        return self.nats / math.log(2)


@dataclass(frozen=True)
class Standing:
    """Where a loss stands among the rungs."""

    nats: float
    """The loss, per character."""
    beaten: Rung | None
    """The best rung that is worse than it."""
    ahead: Rung | None
    """The worst rung that is no worse than it."""

    @property
    def better_by(self) -> float | None:
        """Bits per character that the loss is below `beaten`; above 0."""
        return self.beaten.bits - self.nats / math.log(2) if self.beaten else None

    @property
    def worse_by(self) -> float | None:
        """Bits per character that the loss is above `ahead`; 0 or more."""
        return self.nats / math.log(2) - self.ahead.bits if self.ahead else None


@dataclass(frozen=True)
class Ladder:
    """Baselines for one text that is predicted from one training text."""

    rungs: Annotated[tuple[Rung, ...], Meta(min_length=1, max_length=100)]
    """In the order in which they are shown."""
    training: Characters
    """Characters of training text there are."""
    learned: Characters
    """Of those, from the end: what n-grams counted."""
    text: Characters
    """Characters of text to predict there are, without the first."""
    predicted: Characters
    """Of those, from the beginning: what n-grams predicted."""

    def standing(self, nats: float) -> Standing:
        """Where a loss of `nats` per character stands."""
        beaten = [rung for rung in self.rungs if rung.nats > nats]
        ahead = [rung for rung in self.rungs if rung.nats <= nats]
        return Standing(
            nats,
            min(beaten, key=lambda rung: rung.nats, default=None),
            max(ahead, key=lambda rung: rung.nats, default=None),
        )

    def rung(self, name: str) -> Rung | None:
        """The rung of that name, if there is one."""
        return next((rung for rung in self.rungs if rung.name == name), None)

    @property
    def portion(self) -> str | None:
        """What of the texts was used, in words; None if all."""
        if (self.learned, self.predicted) == (self.training, self.text):
            return None
        return f"baselines learn from the last {self.learned:,} characters, and predict the first {self.predicted:,}"


def measure(
    train: Integer[np.ndarray, " length"], text: Integer[np.ndarray, " characters"], vocabulary: Vocabulary
) -> Ladder:
    """The ladder for `text[1:]`, predicted from `train` and what stands before each character in `text`.

    Of long texts n-grams take the last 4,000,000 characters of `train` and the first 1,000,001 of `text`;
    compressors what fits their window. Raises CharloopError for a text of under 2 characters, or no training text.
    """
    if len(text) < 2 or len(train) < 1:
        raise CharloopError(
            "a text to compare baselines on",
            got=f"{len(train)} characters to learn from, {len(text)} to predict",
            allowed="at least 1 and 2",
        )
    learned, predicted = portions(train, text)
    rungs = tuple(_rungs(learned, predicted, vocabulary))
    return Ladder(rungs, len(train), len(learned), len(text) - 1, len(predicted) - 1)


def portions(
    train: Integer[np.ndarray, " length"], text: Integer[np.ndarray, " characters"]
) -> tuple[Integer[np.ndarray, " learned"], Integer[np.ndarray, " predicted"]]:
    """What of the two texts is used: the end of the one, the beginning of the other."""
    return train[-MOST_TRAINING:], text[: MOST_TEXT + 1]


def _rungs(
    train: Integer[np.ndarray, " learned"], text: Integer[np.ndarray, " predicted"], vocabulary: Vocabulary
) -> Iterator[Rung]:
    yield Rung("uniform", math.log(vocabulary.size))
    for order, nats in enumerate(witten_bell(train, text, vocabulary.size), start=1):
        yield Rung(UNIGRAM if order == 1 else f"{order}-gram", float(np.mean(nats)))
    for compressor in COMPRESSORS:
        bits = bits_per_character(compressor, train, text, vocabulary)
        yield Rung(compressor.name, bits * math.log(2))
