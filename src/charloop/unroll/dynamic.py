"""A loop whose length is known only at run time, each lane with its own (TensorFlow's `dynamic_rnn`)."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from charloop.cells.base import Cell
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, features

Output = Float[Array, "time batch hidden"]
Lengths = Int[Array, " batch"]


def dynamic(
    cell: Cell, params: Parameters, inputs: LayerInput, state: State, lengths: Lengths | None = None
) -> tuple[State, Output]:
    """Run `cell` for as many ticks as the longest lane has: the states, and the outputs.

    Lane `b` stops after `lengths[b]` ticks (0 to time): its state stays as of then and its outputs are 0. One
    compiled program serves all lengths up to the inputs' time axis, and its cost follows the longest.
    """
    array = features(inputs)
    if lengths is None:
        lengths = jnp.full(array.shape[1], array.shape[0])
    return _dynamic(cell, params, array, state, lengths)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _dynamic(
    cell: Cell, params: Parameters, inputs: Array, state: State, lengths: Lengths
) -> tuple[State, Output]:
    (state, outputs), _ = _forward(cell, params, inputs, state, lengths)
    return state, outputs


def _masked_step(
    cell: Cell, params: Parameters, inputs: Array, state: State, active: Array
) -> tuple[State, Array]:
    """One tick of the lanes that are `[batch]` active; the others keep their state and put out 0."""

    def select(new: Array, old: Array | float) -> Array:
        return jnp.where(active.reshape(-1, *[1] * (new.ndim - 1)), new, old)

    new, output = cell.step(params, inputs, state)
    return jax.tree.map(select, new, state), select(output, 0.0)


def _forward(
    cell: Cell, params: Parameters, inputs: Array, state: State, lengths: Lengths
) -> tuple[tuple[State, Output], Any]:
    time = inputs.shape[0]
    output = jax.eval_shape(cell.step, params, inputs[0], state)[1]
    states = jax.tree.map(lambda leaf: jnp.zeros((time, *leaf.shape), leaf.dtype), state)

    def tick(t: Array | int, carry: Any) -> Any:
        state, outputs, states = carry
        states = jax.tree.map(lambda all_, now: all_.at[t].set(now), states, state)
        state, output = _masked_step(cell, params, inputs[t], state, t < lengths)
        return state, outputs.at[t].set(output), states

    start = (state, jnp.zeros((time, *output.shape), output.dtype), states)
    state, outputs, states = lax.fori_loop(0, lengths.max(), tick, start)
    return (state, outputs), (params, inputs, states, lengths)


def _backward(cell: Cell, saved: Any, gradients: Any) -> Any:
    params, inputs, states, lengths = saved
    longest = lengths.max()

    def tick(done: Array | int, carry: Any) -> Any:
        t = longest - 1 - done
        to_state, to_params, to_inputs = carry
        step = partial(_masked_step, cell, active=t < lengths)
        _, pull = jax.vjp(step, params, inputs[t], jax.tree.map(lambda leaf: leaf[t], states))
        to_params_now, to_input, to_state = pull((to_state, gradients[1][t]))
        return to_state, jax.tree.map(jnp.add, to_params, to_params_now), to_inputs.at[t].set(to_input)

    start = (gradients[0], jax.tree.map(jnp.zeros_like, params), jnp.zeros_like(inputs))
    to_state, to_params, to_inputs = lax.fori_loop(0, longest, tick, start)
    return to_params, to_inputs, to_state, None


_dynamic.defvjp(_forward, _backward)
