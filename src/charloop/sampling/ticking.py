"""Writing one tick at a time: the host sees the logits of each character before it is chosen, and can go back.

`writing.py` is faster, and sees only what it has written. Both apply the same model and draw with the same keys.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float64, Int, Integer

from charloop.devices import batch_sharding, make_mesh
from charloop.sampling.pickers import LaneKeys, Picker
from charloop.sampling.reading import LanguageModel, lane_keys, not_finite, read
from charloop.types import Parameters, State


@dataclass(frozen=True, eq=False)
class Tick:
    """Where a text stands. It never changes: whoever keeps it can go back to it."""

    state: State
    """The memory after the text's last id."""
    logits: Float[Array, "1 vocab"]
    """Of the id that comes next."""
    last: int
    """The text's last id."""
    position: int
    """Ids written since the prompt."""

    def chances(self) -> Float64[np.ndarray, " vocab"]:
        """How likely each id is to come next, in the model's own distribution: without temperature or filters."""
        return chances_of(self.logits)


def chances_of(logits: Float[Array, "1 vocab"]) -> Float64[np.ndarray, " vocab"]:
    """Their softmax."""
    known = np.asarray(logits[0], np.float64)
    weights = np.exp(known - known.max())
    chances: Float64[np.ndarray, " vocab"] = weights / weights.sum()
    return chances


class Ticker:
    """One text, a tick at a time: logits of the next id from a state, and the state after an id."""

    def __init__(self, model: LanguageModel, params: Parameters) -> None:
        # Weights that lie on several devices would be gathered again at every tick.
        self._place = batch_sharding(make_mesh(1))
        self._model, self._params = model, jax.device_put(params, self._place)

    def begin(self, prompt: Integer[np.ndarray, " prompt"]) -> Tick:
        """The end of `prompt` (ids, at least one).

        Raises CharloopError if the model's logits are not finite.
        """
        # A first state that lies elsewhere than all others would be compiled for.
        state = jax.device_put(read(self._model, self._params, prompt[:-1]), self._place)
        return self._tick(state, int(prompt[-1]), 0)

    def after(self, tick: Tick, index: int) -> Tick:
        """One id (in [0, vocab)) further than `tick`. Raises CharloopError as `begin` does."""
        return self._tick(tick.state, index, tick.position + 1)

    def _tick(self, state: State, index: int, position: int) -> Tick:
        logits, state, finite = _advance(self._model, self._params, state, np.array([[index]], np.int32))
        if not finite:
            raise not_finite()
        return Tick(state, logits, index, position)


class Chooser:
    """Picks as `picker` does, with the chances of text number `sample` of those that `seed` gives."""

    def __init__(self, picker: Picker, seed: int, sample: int = 0) -> None:
        # One key: a program that made those of all texts before it too would be compiled for each text.
        self._picker, self._keys = picker, lane_keys(seed, 1, sample)

    def choose(self, tick: Tick, allowed: Bool[np.ndarray, " vocab"] | None = None) -> int:
        """The next id, one of those `allowed` (at least one; None: all). The same tick and choice give the same id.

        What is not allowed is taken away before anything else looks: of the `k` likeliest, it is none.
        """
        mask = np.ones(tick.logits.shape[-1], bool) if allowed is None else allowed
        last = np.array([tick.last], np.int32)
        return int(_pick(self._picker, tick.logits, mask, last, self._keys, np.int32(tick.position)))


@partial(jax.jit, static_argnames="model")
def _advance(
    model: LanguageModel, params: Parameters, state: State, characters: Int[Array, "1 1"]
) -> tuple[Float[Array, "1 vocab"], State, Bool[Array, ""]]:
    outputs, state = model.apply(params, characters, state)
    logits = outputs[0].astype(jnp.float32)
    return logits, state, jnp.isfinite(logits.max())


@jax.jit
def _pick(
    picker: Picker,
    logits: Float[Array, "1 vocab"],
    allowed: Bool[Array, " vocab"],
    last: Int[Array, "1"],
    keys: LaneKeys,
    position: Int[Array, ""],
) -> Int[Array, ""]:
    drawn = jax.vmap(jax.random.fold_in, (0, None))(keys, position)
    return picker(jnp.where(allowed, logits, -jnp.inf), last, drawn)[0]
