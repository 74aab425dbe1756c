"""Baselines: simpler predictors that learn from the same training text and predict the same text as a network."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated

import msgspec
import numpy as np
from jaxtyping import Integer
from msgspec import Meta

from charloop.baselines.compressors import COMPRESSORS, bits_per_character
from charloop.baselines.ngrams import witten_bell
from charloop.data import Vocabulary
from charloop.errors import CharloopError

MAX_LEARNED, MAX_PREDICTED = 4_000_000, 1_000_000
"""Characters that n-grams count, at the end of the training text, and predict, at the beginning of the other."""
UNIGRAM = "unigram"

Nats = Annotated[float, Meta(ge=0, le=1e4)]
Characters = Annotated[int, Meta(ge=1, le=2**62)]


@dataclass(frozen=True)
class Baseline:
    """One predictor and its loss."""

    name: Annotated[str, Meta(min_length=1, max_length=20)]
    """uniform, unigram, 2-gram to 6-gram, bz2 or xz."""
    nats: Nats
    """Nats per character."""

    @property
    def bits(self) -> float:
        """Bits per character."""
        return self.nats / math.log(2)


@dataclass(frozen=True)
class Rank:
    """Where a loss ranks among the baselines."""

    nats: float
    """The loss, per character."""
    beaten: Baseline | None
    """The best baseline with a higher loss."""
    ahead: Baseline | None
    """The worst baseline with the same loss or a lower one."""

    @property
    def better_by(self) -> float | None:
        """Bits per character that the loss is below `beaten`; above 0."""
        return self.beaten.bits - self.nats / math.log(2) if self.beaten else None

    @property
    def worse_by(self) -> float | None:
        """Bits per character that the loss is above `ahead`; 0 or more."""
        return self.nats / math.log(2) - self.ahead.bits if self.ahead else None


class Baselines(msgspec.Struct, frozen=True):
    """The baselines of one text, predicted from one training text."""

    entries: Annotated[tuple[Baseline, ...], Meta(min_length=1, max_length=100)] = msgspec.field(name="rungs")
    """In display order. JSON files keep the former key, `rungs`."""
    training: Characters
    """Characters of the training text."""
    learned: Characters
    """How many of those, at the end, the n-grams counted."""
    text: Characters
    """Characters of the text to predict, without the first."""
    predicted: Characters
    """How many of those, at the beginning, the n-grams predicted."""

    def rank(self, nats: float) -> Rank:
        """Rank a loss of `nats` per character."""
        return Rank(
            nats,
            beaten=min(
                (one for one in self.entries if one.nats > nats), key=attrgetter("nats"), default=None
            ),
            ahead=max(
                (one for one in self.entries if one.nats <= nats), key=attrgetter("nats"), default=None
            ),
        )

    def find(self, name: str) -> Baseline | None:
        """Return the baseline of that name, if there is one."""
        return next((one for one in self.entries if one.name == name), None)

    @property
    def portion(self) -> str | None:
        """A sentence on the part of the texts that was used; None if all of them was."""
        if (self.learned, self.predicted) == (self.training, self.text):
            return None
        return f"baselines learn from the last {self.learned:,} characters, and predict the first {self.predicted:,}"


def measure_baselines(
    train: Integer[np.ndarray, " length"], text: Integer[np.ndarray, " characters"], vocabulary: Vocabulary
) -> Baselines:
    """Measure the baselines for `text[1:]`, predicted from `train` and from all earlier characters of `text`.

    Of documents, n-grams read each from an empty memory, as a network does; compressors read them as one text.
    Of long texts, n-grams use the last 4,000,000 characters of `train` and the first 1,000,001 of `text`;
    compressors use what fits their window. Raises CharloopError for a text of under 2 characters, or an empty
    training text.
    """
    if len(text) < 2 or len(train) < 1:
        raise CharloopError(
            "texts too short for baselines",
            got=f"{len(train)} characters to learn from, {len(text)} to predict",
            allowed="at least 1 and 2",
        )
    learned, predicted = used_portions(train, text)
    entries = tuple(_measure_each(learned, predicted, vocabulary))
    return Baselines(entries, len(train), len(learned), len(text) - 1, len(predicted) - 1)


def used_portions(
    train: Integer[np.ndarray, " length"], text: Integer[np.ndarray, " characters"]
) -> tuple[Integer[np.ndarray, " learned"], Integer[np.ndarray, " predicted"]]:
    """Return the end of the training text and the beginning of the other that n-grams use."""
    return train[-MAX_LEARNED:], text[: MAX_PREDICTED + 1]


def _measure_each(
    train: Integer[np.ndarray, " learned"], text: Integer[np.ndarray, " predicted"], vocabulary: Vocabulary
) -> Iterator[Baseline]:
    yield Baseline("uniform", math.log(vocabulary.size))
    found = witten_bell(train, text, vocabulary.size, end=vocabulary.end_id)
    for order, nats in enumerate(found, start=1):
        yield Baseline(UNIGRAM if order == 1 else f"{order}-gram", float(np.mean(nats)))
    for compressor in COMPRESSORS:
        bits = bits_per_character(compressor, train, text, vocabulary)
        yield Baseline(compressor.name, bits * math.log(2))
