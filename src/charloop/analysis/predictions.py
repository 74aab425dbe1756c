"""What a network expected at each position of a text, and the surprise of what came."""

import math
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Integer

from charloop.analysis.reading import check_tokens, split_pieces
from charloop.errors import CharloopError
from charloop.evaluation import choose_chunk_length
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Characters, Parameters, State


@dataclass(frozen=True)
class Predictions:
    """Predictions of every token of a text except the first, each from all of the text before it."""

    bits: Float32[np.ndarray, " predicted"]
    """Surprise: minus the base-2 logarithm of the probability of the actual token; 0 or more."""
    likeliest: Int[np.ndarray, "predicted top"]
    """Ids of the likeliest tokens, the likeliest first."""
    chances: Float32[np.ndarray, "predicted top"]
    """Their probabilities."""


def predict_tokens(
    network: TrainedModel, tokens: Integer[np.ndarray, " length"], top: int = 5
) -> Predictions:
    """Return the surprise of `tokens[1:]`, and the `top` likeliest tokens (all, if there are fewer).

    The text is read in one batch row from the initial state, so the surprises add up to that of the whole text.
    Raises CharloopError for fewer than 2 tokens, ids out of range, and a `top` below 1.
    """
    tokens = check_tokens(network, tokens, min_length=2)
    if top < 1:
        raise CharloopError("top", got=top, allowed="1 or more")
    top, model = min(top, network.model.vocab_size), network.model
    state, parts = model.initial_state(1), []
    for start, inputs, size in split_pieces(tokens[:-1], choose_chunk_length(1, model.vocab_size)):
        targets = np.resize(tokens[start + 1 : start + 1 + size], len(inputs))
        state, found = _predict(model, network.params, inputs, targets, state, top)
        parts.append([np.asarray(values)[:size] for values in found])
    return Predictions(*(np.concatenate(values) for values in zip(*parts, strict=True)))


@partial(jax.jit, static_argnames=("model", "top"))
def _predict(
    model: CharLM,
    params: Parameters,
    inputs: Characters,
    targets: Int[Array, " time"],
    state: State,
    top: int,
) -> tuple[State, tuple[Float[Array, " time"], Int[Array, "time top"], Float[Array, "time top"]]]:
    """Read a piece of the text; return the state after it, bits, likeliest ids and their probabilities."""
    logits, state = model.apply(params, inputs, state)
    nats = -jax.nn.log_softmax(logits[:, 0])
    least, ids = jax.lax.top_k(-nats, top)
    bits = jnp.take_along_axis(nats, targets[:, None], axis=1)[:, 0] / math.log(2)
    return state, (bits, ids, jnp.exp(least))
