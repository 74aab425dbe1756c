"""A loop whose length is known at run time; each batch row has its own (TensorFlow's `dynamic_rnn`)."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.base import Cell
from charloop.engines import RowFlags, encode_row_flags, step_with_flags
from charloop.errors import CharloopError
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, gather_features

Output = Float[Array, "time batch hidden"]


def dynamic(
    cell: Cell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Bool[Array, "time batch"] | None = None,
    lengths: Int[Array, " batch"] | None = None,
) -> tuple[State, Output]:
    """Run `cell` to the end of the longest row; return the last state and the outputs.

    `resets` and `lengths` (0 to time) as in `fused`. One compiled program serves all lengths up to the inputs' time
    axis; its cost grows with the longest.
    """
    array = jnp.asarray(gather_features(inputs))
    time, batch = array.shape[:2]
    longest = jnp.int32(time) if lengths is None else jnp.minimum(lengths.max(initial=0), time)
    return _dynamic(cell, params, array, state, encode_row_flags(time, batch, resets, lengths), longest)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _dynamic(
    cell: Cell, params: Parameters, inputs: Array, state: State, flags: RowFlags | None, longest: Array
) -> tuple[State, Output]:
    (state, outputs), _ = _forward(cell, params, inputs, state, flags, longest)
    return state, outputs


def _forward(
    cell: Cell, params: Parameters, inputs: Array, state: State, flags: RowFlags | None, longest: Array
) -> tuple[tuple[State, Output], Any]:
    time = inputs.shape[0]
    step = jax.eval_shape(cell.step, params, jax.ShapeDtypeStruct(inputs.shape[1:], inputs.dtype), state)
    states = jax.tree.map(lambda leaf: jnp.zeros((time, *leaf.shape), leaf.dtype), state)

    def run_step(t: Array | int, carry: Any) -> Any:
        state, outputs, states = carry
        states = jax.tree.map(lambda all_, now: all_.at[t].set(now), states, state)
        flag = None if flags is None else flags[t]
        state, output = step_with_flags(cell, params, inputs[t], state, flag)
        return state, outputs.at[t].set(output), states

    start = (state, jnp.zeros((time, *step[1].shape), step[1].dtype), states)
    state, outputs, states = lax.fori_loop(0, longest, run_step, start)
    return (state, outputs), (params, inputs, states, flags, longest)


@jax.custom_jvp
def _once(values: Any) -> Any:
    """Return `values` without a second derivative: JAX has none for a loop of unknown length."""
    return values


@_once.defjvp
def _refuse(*_: Any) -> Any:
    raise CharloopError(
        'a gradient of a gradient with unroll="dynamic"', do='build the layer or the model with unroll="scan"'
    )


def _backward(cell: Cell, saved: Any, gradients: Any) -> Any:
    *differentiable, flags, longest = saved
    params, inputs, states, gradients = _once((*differentiable, gradients))

    def run_step(done: Array | int, carry: Any) -> Any:
        t = longest - 1 - done
        to_state, to_params, to_inputs = carry
        step = partial(step_with_flags, cell, flag=None if flags is None else flags[t])
        _, pull = jax.vjp(step, params, inputs[t], jax.tree.map(lambda leaf: leaf[t], states))
        to_params_now, to_input, to_state = pull((to_state, gradients[1][t]))
        return to_state, jax.tree.map(jnp.add, to_params, to_params_now), to_inputs.at[t].set(to_input)

    start = (gradients[0], jax.tree.map(jnp.zeros_like, params), jnp.zeros_like(inputs))
    to_state, to_params, to_inputs = lax.fori_loop(0, longest, run_step, start)
    return to_params, to_inputs, to_state, None, None


_dynamic.defvjp(_forward, _backward)
