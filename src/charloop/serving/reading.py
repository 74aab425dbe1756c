"""A prompt is read in pieces, so that a long one does not let the others wait, and by itself.

What the network knows after a prompt thus depends on nothing but the prompt.
"""

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Integer

from charloop.sampling.host_loop import HostLoop
from charloop.sampling.protocols import LanguageModel
from charloop.serving.lane_program import TOP, Logs
from charloop.types import Parameters, State

PIECES = (16, 256)
"""The numbers of tokens that the compiled programs read in one call."""
KEPT = 32
"""Of how many prompts the state is kept."""

Ids = Integer[np.ndarray, " _ids"]


class Reader:
    """Reads texts with one network, one after the other, and keeps the states of the last ones."""

    def __init__(self, model: LanguageModel, params: Parameters) -> None:
        self._model, self._params = model, jax.device_put(params, jax.devices()[0])
        self._kept: OrderedDict[bytes, State] = OrderedDict()

    @cached_property
    def loop(self) -> HostLoop:
        """The loop that writes under constraints."""
        return HostLoop(self._model, self._params)

    def read(
        self, ids: Ids, state: State | None = None
    ) -> Iterator[tuple[State, Float32[np.ndarray, "piece vocab"]]]:
        """Yield after each piece of `ids` the state there, and the logits after each of its tokens."""
        state = self._model.initial_state(1) if state is None else state
        start = 0
        while start < len(ids):
            left = len(ids) - start
            size = next((size for size in PIECES if size >= left), PIECES[-1])
            piece = ids[start : start + size]
            padded = np.zeros((size, 1), np.int32)
            padded[: len(piece), 0] = piece
            logits, state = _read(self._model, self._params, padded, state, np.array([len(piece)], np.int32))
            yield state, np.asarray(logits)[: len(piece)]
            start += len(piece)

    def find_state(self, ids: Ids) -> Iterator[State | None]:
        """Yield None for each piece of `ids` that is read, then the state after all of them."""
        name = ids.astype(np.int32).tobytes()
        if name in self._kept:
            self._kept.move_to_end(name)
            yield self._kept[name]
            return
        state = self._model.initial_state(1)
        for piece in self.read(ids):
            state = piece[0]
            yield None
        self._kept[name] = state
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        yield state


def log_probabilities(logits: Float32[np.ndarray, "time vocab"], ids: Int[np.ndarray, " time"]) -> Logs:
    """Return the log probabilities of `ids`, each by the logits before it, and of the likeliest tokens there."""
    values = logits - logits.max(-1, keepdims=True)
    values -= np.log(np.exp(values).sum(-1, keepdims=True))
    top = np.argsort(-values, axis=-1, kind="stable")[:, :TOP]
    chosen = np.take_along_axis(values, ids[:, None], -1)[:, 0]
    return Logs(chosen, np.take_along_axis(values, top, -1), top.astype(np.int32))


@partial(jax.jit, static_argnames="model")
def _read(
    model: LanguageModel,
    params: Parameters,
    ids: Int[Array, "time 1"],
    state: State,
    lengths: Int[Array, "1"],
) -> tuple[Float[Array, "time vocab"], State]:
    logits, state = model.apply(params, ids, state, lengths=lengths)
    return logits[:, 0].astype(jnp.float32), state
