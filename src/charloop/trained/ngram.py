"""An n-gram of a run's training text, in the place of a network."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from charloop.baselines import witten_bell
from charloop.baselines.measuring import MAX_LEARNED
from charloop.checkpoint.texts import read_training_text
from charloop.data import Vocabulary
from charloop.mixing import NgramModel, count_ngrams
from charloop.model import CharLM
from charloop.progress import ProgressListener
from charloop.trained.network import TrainedModel

HELD_OUT = 20_000
"""Characters at the end of the training text that settings are chosen on; at most half of the text."""


@dataclass(frozen=True)
class Ngram(TrainedModel):
    """An n-gram of the last 4,000,000 characters of the training text of `run`; it is used as a network is."""

    @property
    def order(self) -> int:
        """Characters of an n-gram."""
        return cast("NgramModel", self.model).order


def make_ngram(
    network: TrainedModel, listener: ProgressListener | None = None, *, holds_out: bool = False
) -> Ngram:
    """Return the n-gram of the training text of the network's run, of the order that `choose_order` finds.

    With `holds_out` it has not counted the characters that settings are chosen on. Raises CharloopError for a network
    without its run, or whose training text has changed.
    """
    tokens, known = read_training_text(network.run, listener), network.vocabulary
    order = choose_order(tokens, known)
    counted = (hold_out(tokens)[0] if holds_out else tokens)[-MAX_LEARNED:]
    model, params = count_ngrams(counted, order, known.size, known.end_id)
    # It has all that is called of a network that scores and writes.
    return Ngram(cast("CharLM", model), params, known, {"step": 0}, (), network.run)


def hold_out(
    tokens: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the beginning of the training text, and the end on which settings are chosen."""
    cut = max(len(tokens) // 2, len(tokens) - HELD_OUT - 1)
    return tokens[:cut], tokens[cut:]


def choose_order(tokens: np.ndarray, known: Vocabulary) -> int:
    """Return the order of the n-gram that predicts the end of the training text best, counted before it."""
    before, end = hold_out(tokens)
    found = witten_bell(before[-MAX_LEARNED:], end, known.size, end=known.end_id)
    return 1 + int(np.argmin([nats.mean() for nats in found]))
