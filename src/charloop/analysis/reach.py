"""How far back a network remembers: the influence of earlier inputs on a prediction."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Integer

from charloop.analysis.reading import check_tokens
from charloop.errors import CharloopError
from charloop.evaluation.evaluator import MAX_LOGITS
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Characters, Parameters, State

MAX_WINDOWS = 32
"""Windows that are differentiated in one batch."""


@dataclass(frozen=True)
class Reach:
    """How strongly a prediction depends on earlier inputs."""

    gradient: Float32[np.ndarray, " distance"]
    """Mean norm of the gradient of ln p(next) by the input vector read k characters before the last; k = 0, 1, ...

    Nats for each unit of the input vector, 0 or more.
    """


def measure_reach(
    network: TrainedModel,
    tokens: Integer[np.ndarray, " length"],
    distance: int = 100,
    predictions: int = 256,
) -> Reach:
    """Return the reach over `distance` characters, a mean over up to `predictions` positions across the text.

    The logarithm of the probability of what came next is differentiated by each vector that the first layer read
    of the last `distance` characters (rows of the embedding, or one-hot vectors), and the Euclidean norms of these
    gradients are averaged. The state before them is that of the text up to there: nothing is cut off.

    Raises CharloopError for a `distance` or `predictions` below 1, for a text of fewer than `distance` + 1 tokens,
    and for ids out of range.
    """
    for name, given in (("distance", distance), ("predictions", predictions)):
        if given < 1:
            raise CharloopError(name, got=given, allowed="1 or more")
    tokens = check_tokens(network, tokens, min_length=distance + 1)
    stride = max(1, (len(tokens) - distance) // predictions)
    max_windows = max(1, min(MAX_WINDOWS, MAX_LOGITS // (distance * network.model.vocab_size)))
    total, count = np.zeros(distance), 0
    for states, windows in batches(network, tokens, distance, stride, predictions, max_windows):
        norms = _norms(network.model, network.params, windows[:-1], windows[-1], states)
        total += np.asarray(norms).sum(axis=1)
        count += windows.shape[1]
    return Reach((total[::-1] / count).astype(np.float32))


def batches(
    network: TrainedModel,
    tokens: Int[np.ndarray, " length"],
    distance: int,
    stride: int,
    count: int,
    max_windows: int,
) -> Iterator[tuple[State, Int[np.ndarray, "window batch"]]]:
    """Yield batches of windows of `distance` + 1 tokens, `stride` apart, with the state before each."""
    starts = np.arange(0, len(tokens) - distance, stride)[:count]
    state, states = network.model.initial_state(1), []
    for number, start in enumerate(starts, start=1):
        states.append(state)
        if len(states) == max_windows or number == len(starts):
            own = starts[number - len(states) : number]
            windows = tokens[own[None, :] + np.arange(distance + 1)[:, None]]
            yield jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *states), windows
            states = []
        state = _read(network.model, network.params, tokens[start : start + stride, None], state)


@partial(jax.jit, static_argnames="model")
def _read(model: CharLM, params: Parameters, characters: Characters, state: State) -> State:
    return model.apply(params, characters, state)[1]


@partial(jax.jit, static_argnames="model")
def _norms(
    model: CharLM, params: Parameters, inputs: Characters, targets: Int[Array, " batch"], state: State
) -> Float[Array, "time batch"]:
    """Return the gradients' norms, the last character's last. Windows are independent, so one sum gives all."""

    def likelihood(vectors: Float[Array, "time batch input"]) -> Float[Array, ""]:
        logits = model.apply_vectors(params, vectors, state)[0]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits[-1]), targets[:, None], axis=1)
        return jnp.sum(chosen)

    gradient = jax.grad(likelihood)(model.vectors(params, inputs))
    return jnp.sqrt(jnp.sum(gradient**2, axis=-1))
