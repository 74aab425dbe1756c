"""Writing one time step at a time: the host sees the logits before each choice, and can go back.

`compiled_loop` is faster, but shows only what it has written. Both apply the same model and use the same keys.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float64, Int, Integer

from charloop.devices import batch_sharding, make_mesh
from charloop.sampling.along_text import Ages, age, settle
from charloop.sampling.compiled_loop import WritingState, make_row_keys, not_finite, turn_keys
from charloop.sampling.pickers import Picker, RowKeys
from charloop.sampling.prompt import read_prompt
from charloop.sampling.protocols import LanguageModel
from charloop.types import Parameters, State


@dataclass(frozen=True, eq=False)
class TextState:
    """What the model knows at one position of a text. It never changes: keep it to go back to it."""

    state: State
    """The model's state after the last id."""
    logits: Float[Array, "1 vocab"]
    """The logits of the next id."""
    last: int
    """The text's last id."""
    position: int
    """The number of ids written since the prompt."""
    ages: Ages | None = None
    """What a repetition penalty counts, if there is one."""

    def probabilities(self) -> Float64[np.ndarray, " vocab"]:
        """Return the model's own probabilities of the next id, without temperature or filters."""
        return softmax_row(self.logits)


def softmax_row(logits: Float[Array, "1 vocab"]) -> Float64[np.ndarray, " vocab"]:
    """Return the softmax of the only row, in float64."""
    row = np.asarray(logits[0], np.float64)
    weights = np.exp(row - row.max())
    probabilities: Float64[np.ndarray, " vocab"] = weights / weights.sum()
    return probabilities


class HostLoop:
    """Applies the model to one text, one id at a time."""

    def __init__(self, model: LanguageModel, params: Parameters) -> None:
        # Weights spread over several devices would be gathered again at every time step.
        self._sharding = batch_sharding(make_mesh(1))
        self._model, self._params = model, jax.device_put(params, self._sharding)

    def begin(
        self, prompt: Integer[np.ndarray, " prompt"], ages: Int[np.ndarray, " vocab"] | None = None
    ) -> TextState:
        """Return the state at the end of `prompt` (ids, at least one), with the `ages` there (see `begin_ages`).

        Raises CharloopError if the model's logits are not finite.
        """
        # A first state with another sharding than the later ones would need a program of its own.
        state = jax.device_put(read_prompt(self._model, self._params, prompt[:-1]), self._sharding)
        return self._read(state, int(prompt[-1]), 0, None if ages is None else jnp.asarray(ages[None]))

    def begin_at(self, writing: WritingState) -> TextState:
        """Return the state at the end of the only batch row of `writing`. Raises CharloopError as `begin` does."""
        state = jax.device_put(writing.state, self._sharding)
        return self._read(state, int(writing.previous[0]), int(writing.position), writing.ages)

    def advance(self, text: TextState, index: int) -> TextState:
        """Return the state after one more id (in [0, vocab)). Raises CharloopError as `begin` does."""
        ages = None if text.ages is None else age(text.ages, np.array([index], np.int32))
        return self._read(text.state, index, text.position + 1, ages)

    def _read(self, state: State, index: int, position: int, ages: Ages | None) -> TextState:
        logits, state, finite = _time_step(self._model, self._params, state, np.array([[index]], np.int32))
        if not finite:
            raise not_finite()
        return TextState(state, logits, index, position, ages)


class Chooser:
    """Chooses ids with `picker`, and with the random key of text number `sample` under `seed`, in its `turn`."""

    def __init__(self, picker: Picker, seed: int, sample: int = 0, turn: int = 0) -> None:
        # One key: making the keys of all earlier texts too would compile a program for each text.
        self._picker, self._keys = picker, turn_keys(make_row_keys(seed, 1, sample), turn)

    def choose(self, text: TextState, allowed: Bool[np.ndarray, " vocab"] | None = None) -> int:
        """Return the next id, one of those `allowed` (at least one; None: all). The same input gives the same id.

        Ids that are not allowed are removed before the filters see the logits: they do not count among the top k.
        """
        mask = np.ones(text.logits.shape[-1], bool) if allowed is None else allowed
        last, position = np.array([text.last], np.int32), np.int32(text.position)
        return int(_pick(self._picker, text.logits, mask, last, self._keys, position, text.ages))


@partial(jax.jit, static_argnames="model")
def _time_step(
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
    keys: RowKeys,
    position: Int[Array, ""],
    ages: Ages | None,
) -> Int[Array, ""]:
    keys_here = jax.vmap(jax.random.fold_in, (0, None))(keys, position)
    return settle(picker, position, ages)(jnp.where(allowed, logits, -jnp.inf), last, keys_here)[0]
