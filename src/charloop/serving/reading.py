"""A prompt is read in pieces, so that a long one does not let the others wait, and by itself.

What the network knows after a prompt thus depends on nothing but the prompt. The states between pieces are kept, so
that a text that has grown, or was cut, is read again only from the last piece that is the same.
"""

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property, partial
from hashlib import blake2b

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
KEPT_BYTES = 64 << 20
"""The size of the states that are kept."""

Ids = Integer[np.ndarray, " _ids"]


class Reader:
    """Reads texts with one network, one after the other, and keeps `kept_bytes` of the states that were used last."""

    def __init__(self, model: LanguageModel, params: Parameters, kept_bytes: int = KEPT_BYTES) -> None:
        self._model, self._params = model, jax.device_put(params, jax.devices()[0])
        # All states are NumPy's, or the program would be compiled again for states on a device.
        self._first: State = jax.tree.map(np.asarray, model.initial_state(1))
        self._most = max(1, kept_bytes // max(1, sum(part.nbytes for part in jax.tree.leaves(self._first))))
        self._kept: OrderedDict[bytes, State] = OrderedDict()

    @cached_property
    def loop(self) -> HostLoop:
        """The loop that writes under constraints."""
        return HostLoop(self._model, self._params)

    def read(
        self, ids: Ids, state: State | None = None
    ) -> Iterator[tuple[State, Float32[np.ndarray, "piece vocab"]]]:
        """Yield after each piece of `ids` the state there, and the logits after each of its tokens."""
        state = self._first if state is None else state
        for start in range(0, len(ids), PIECES[-1]):
            piece = ids[start : start + PIECES[-1]]
            size = next(size for size in PIECES if size >= len(piece))
            padded = np.zeros((size, 1), np.int32)
            padded[: len(piece), 0] = piece
            logits, after = _read(self._model, self._params, padded, state, np.array([len(piece)], np.int32))
            state = jax.tree.map(np.asarray, after)
            yield state, np.asarray(logits)[: len(piece)]

    def find_state(self, ids: Ids) -> Iterator[State | None]:
        """Yield None for each piece of `ids` that is read, then the state after all of them."""
        names = name_prefixes(ids)
        known = next((count for count in range(len(names), 0, -1) if names[count - 1] in self._kept), 0)
        for name in names[:known]:
            if name in self._kept:
                self._kept.move_to_end(name)
        state = self._kept[names[known - 1]] if known else self._first
        pieces = self.read(ids[known * PIECES[-1] :], state)
        for name, (after, _) in zip(names[known:], pieces, strict=True):
            state = self._kept[name] = after
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
            yield None
        yield state


def name_prefixes(ids: Ids) -> list[bytes]:
    """Return a name for each piece of `ids` with all that stands before it; the last piece may be short.

    Pieces begin at the same places in every text, so that a state does not depend on which text it was read in.
    """
    running, names = blake2b(digest_size=16), list[bytes]()
    for start in range(0, len(ids), PIECES[-1]):
        running.update(ids[start : start + PIECES[-1]].astype(np.int32).tobytes())
        names.append(running.copy().digest())
    return names


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
