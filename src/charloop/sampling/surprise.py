"""What each character of a text costs a model, piece by piece as the text comes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer

from charloop.sampling.reading import LanguageModel, read
from charloop.types import Characters, Parameters, State

BUCKET = 32
"""Characters that one call of the compiled program reads."""


class SurpriseReader:
    """Reads behind the writing: the bits of each character in the model's own distribution.

    Neither temperature nor any filter has a part in them. `prompt` (ids, at least one) is read first, and not scored.
    """

    def __init__(
        self, model: LanguageModel, params: Parameters, prompt: Integer[np.ndarray, " prompt"]
    ) -> None:
        self._model, self._params = model, params
        self._state = read(model, params, prompt[:-1])
        self._previous = int(prompt[-1])

    def feed(self, ids: Integer[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
        """Bits (at least 0) of each of `ids`, the next characters of the text."""
        pieces = [self._read(ids[start : start + BUCKET]) for start in range(0, len(ids), BUCKET)]
        return np.concatenate([np.zeros(0, np.float32), *pieces])

    def _read(self, ids: Integer[np.ndarray, " count"]) -> Float[np.ndarray, " count"]:
        read_, scored = np.zeros((BUCKET, 1), np.int32), np.zeros(BUCKET, np.int32)
        read_[: len(ids), 0], scored[: len(ids)] = [self._previous, *ids[:-1]], ids
        lengths = np.array([len(ids)], np.int32)
        bits, self._state = _score(self._model, self._params, read_, scored, self._state, lengths)
        self._previous = int(ids[-1])
        return np.asarray(bits)[: len(ids)]


@partial(jax.jit, static_argnames="model")
def _score(
    model: LanguageModel,
    params: Parameters,
    characters: Characters,
    scored: Int[Array, " time"],
    state: State,
    lengths: Int[Array, " batch"],
) -> tuple[Float[Array, " time"], State]:
    logits, state = model.apply(params, characters, state, lengths=lengths)
    chances = jax.nn.log_softmax(logits[:, 0].astype(jnp.float32))
    return -jnp.take_along_axis(chances, scored[:, None], -1)[:, 0] / jnp.log(2.0), state
