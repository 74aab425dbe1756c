"""What the coder asks for: the probabilities of the next characters, from one program for encoding and decoding."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Integer

from charloop.compression.coder import Probabilities
from charloop.compression.machine import describe_network
from charloop.compression.rows import choose_rows
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.mixing import MixedModel
from charloop.model import CharLM
from charloop.types import Parameters, State

if TYPE_CHECKING:
    from charloop.trained import TrainedModel

PROBE_STEPS = 48
"""Time steps whose predictions are hashed, to compare them before decoding."""


class Predictor(Protocol):
    """Predicts texts side by side, one character of each in a step. Equal calls give equal bits."""

    def begin(self) -> Probabilities:
        """Return the probabilities of each row's first character; nothing is remembered of what was read before."""

    def read(self, tokens: Integer[np.ndarray, " rows"]) -> Probabilities:
        """Return the probabilities of the characters after `tokens`."""


@dataclass(frozen=True)
class Method:
    """A way to predict a file."""

    vocabulary: Vocabulary
    facts: dict[str, Any]
    """What the predictions depend on, as JSON; a file is decoded only where they are the same."""
    choose_rows: Callable[[int], int]
    """From the characters of a text to the rows that it is cut into."""
    make: Callable[[int], Predictor]
    """Returns a predictor of that many rows, which has read nothing."""
    probe_steps: int = PROBE_STEPS
    """Time steps of `probe`: enough for everything that a predictor does."""

    def probe(self, rows: int) -> str:
        """Return a hash of the predictions for a fixed text: equal where predictions are equal to the bit."""
        predictor, digest = self.make(rows), hashlib.sha256()
        probabilities = predictor.begin()
        for index in range(self.probe_steps):
            digest.update(probabilities.tobytes())
            probabilities = predictor.read((np.arange(rows) + index * 7) % self.vocabulary.size)
        digest.update(probabilities.tobytes())
        return digest.hexdigest()[:16]


def predict_statically(network: "TrainedModel") -> Method:
    """Return the method of a network whose weights stay as they are. Raises CharloopError for one of documents."""
    start = opening_of(network)
    return Method(
        network.vocabulary,
        describe_network(network) | {"start": start.tolist()},
        choose_rows,
        lambda rows: NetworkPredictor(network, rows, start),
    )


def opening_of(network: "TrainedModel") -> Int[np.ndarray, " start"]:
    """Return the ids, one or more, that a text is read after. Raises CharloopError for a network of documents."""
    # What separates documents is not among the characters of a file.
    if network.vocabulary.documents:
        do = "use a network that was trained without --documents"
        raise CharloopError("a network of documents does not compress", do=do)
    return network.opening_ids()


class NetworkPredictor:
    """A network whose weights stay as they are; each text is read after the ids `start`."""

    def __init__(self, network: "TrainedModel", rows: int, start: Integer[np.ndarray, " start"]) -> None:
        self.params, self.rows = network.params, rows
        self.state = self._empty = network.model.initial_state(rows)
        self._model, self._start = network.model, start

    def begin(self) -> Probabilities:
        """Return the probabilities of each row's first character."""
        self.state = self._empty
        for token in self._start:
            probabilities = self._predict(np.full(self.rows, token, np.int32))
        return probabilities

    def read(self, tokens: Integer[np.ndarray, " rows"]) -> Probabilities:
        """Return the probabilities after `tokens`. Raises CharloopError where they are not finite."""
        return self._predict(np.asarray(tokens, np.int32))

    def _predict(self, tokens: Int[np.ndarray, " rows"]) -> Probabilities:
        self.state, found = predict(self._model, self.params, self.state, tokens)
        probabilities = np.asarray(found)
        if not np.isfinite(probabilities).all():
            do = "use other weights of the run"
            raise CharloopError("the network predicts numbers that are not finite", do=do)
        return probabilities


@partial(jax.jit, static_argnames="model")
def predict(
    model: CharLM | MixedModel, params: Parameters, state: State, tokens: Int[Array, " rows"]
) -> tuple[State, Float[Array, "rows symbols"]]:
    """Return the memory after `tokens`, and the probabilities of the next ones."""
    logits, state = model.apply(params, tokens[None], state)
    return state, jax.nn.softmax(logits[0])
