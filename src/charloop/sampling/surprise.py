"""The surprise of each character of a text, computed piece by piece as the text is written."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer

from charloop.sampling.prompt import read_prompt
from charloop.sampling.protocols import LanguageModel
from charloop.types import Characters, Parameters, State

BUCKET = 32
"""Characters that one call of the compiled program reads."""


class SurpriseReader:
    """Reads a text after `prompt` (ids, at least one) and returns the bits of each of its characters.

    The bits are those of the model's own probabilities, without temperature or filters.
    """

    def __init__(
        self, model: LanguageModel, params: Parameters, prompt: Integer[np.ndarray, " prompt"]
    ) -> None:
        self._model, self._params = model, params
        self._state = read_prompt(model, params, prompt[:-1])
        self._previous = int(prompt[-1])

    def feed(self, ids: Integer[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
        """Return the bits (at least 0) of each of `ids`, the next characters of the text."""
        pieces = [self._score(ids[start : start + BUCKET]) for start in range(0, len(ids), BUCKET)]
        return np.concatenate([np.zeros(0, np.float32), *pieces])

    def _score(self, ids: Integer[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
        inputs, targets = np.zeros((BUCKET, 1), np.int32), np.zeros(BUCKET, np.int32)
        inputs[: len(ids), 0], targets[: len(ids)] = [self._previous, *ids[:-1]], ids
        lengths = np.array([len(ids)], np.int32)
        bits, self._state = _score_bucket(self._model, self._params, inputs, targets, self._state, lengths)
        self._previous = int(ids[-1])
        return np.asarray(bits)[: len(ids)]


@partial(jax.jit, static_argnames="model")
def _score_bucket(
    model: LanguageModel,
    params: Parameters,
    inputs: Characters,
    targets: Int[Array, " time"],
    state: State,
    lengths: Int[Array, " batch"],
) -> tuple[Float[Array, " time"], State]:
    logits, state = model.apply(params, inputs, state, lengths=lengths)
    log_probabilities = jax.nn.log_softmax(logits[:, 0].astype(jnp.float32))
    return -jnp.take_along_axis(log_probabilities, targets[:, None], -1)[:, 0] / jnp.log(2.0), state
