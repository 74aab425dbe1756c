"""XLA's loop over time, forward and backward: for any cell, any floating-point type, on any platform."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int

from charloop.cells.base import product
from charloop.engines.base import ForwardResult, LastGradients, LayerArrays, LoopParams
from charloop.engines.parts import Parts, Weights
from charloop.engines.row_flags import apply_resets, are_idle, are_reset, select_rows
from charloop.types import State

MAX_ONE_HOT_ROWS = 512
"""Tables up to this many rows get their gradient from one matrix product; larger ones by scatter-add."""


@dataclass(frozen=True)
class XlaLoop:
    """`lax.scan` with the loop's products inside, and the weights' gradients after it."""

    product = staticmethod(product)
    cross_entropy = staticmethod(optax.softmax_cross_entropy_with_integer_labels)

    def prepare(self, parts: Parts, layer: LayerArrays) -> None:
        """Do nothing: XLA compiles with the program."""

    def run_forward(self, parts: Parts, layer: LayerArrays) -> ForwardResult:
        """Return the last state and outputs; for the backward pass, the states before each step and the products."""
        over, read = _rows(layer.sources, layer.characters)

        def step(state: State, now: tuple[Any, Any]) -> tuple[State, Any]:
            rows, flag = now
            state = apply_resets(parts.cell, state, flag)
            rows, results = read(rows), tuple[Array, ...]()
            for number, (made, weights) in enumerate(zip(parts.products, layer.weights, strict=True)):
                operand = _operand(parts, number, layer.loop_params, _unmerged(parts, rows), results, state)
                result = product(operand, *weights)
                results += (result if made.source is None else rows[made.source] + result,)
            new, output = _finish(parts, layer.loop_params, _unmerged(parts, rows), results, state)
            if flag is not None:
                new = select_rows(are_idle(flag), state, new)
            return new, (output, state, results)

        last, (outputs, states, results) = lax.scan(step, layer.start, (over, layer.flags))
        return last, outputs, (states, results)

    def run_backward(
        self, parts: Parts, layer: LayerArrays, saved: Any, gradients: LastGradients
    ) -> LayerArrays:
        """Return the gradients of the layer. JAX differentiates each step, recomputed between its products."""
        loop_params, weights, sources, characters, _, flags = layer
        states, results = saved
        over, read = _rows(_unmerged(parts, sources), characters)

        def step(carry: Any, now: Any) -> Any:
            to_state, to_own = carry
            rows, state, made, to_output, flag = now
            kept, to_new = to_state, to_state
            if flag is not None:
                to_new = select_rows(are_idle(flag), jax.tree.map(jnp.zeros_like, to_state), to_state)
            found = _pull(parts, (loop_params, read(rows), made, state), (to_new, to_output), weights)
            to_own_now, to_rows, to_results, to_state = found
            if flag is not None:
                to_state = select_rows(are_idle(flag), kept, to_state)
                to_state = select_rows(are_reset(flag), jax.tree.map(jnp.zeros_like, to_state), to_state)
            return (to_state, jax.tree.map(jnp.add, to_own, to_own_now)), (to_rows, to_results)

        empty = (gradients[0], jax.tree.map(jnp.zeros_like, loop_params))
        every = (over, states, results, gradients[1], flags)
        (to_start, to_own), (to_rows, to_results) = lax.scan(step, empty, every, reverse=True)

        def operand(number: int) -> Array:
            make = partial(_operand, parts, number, loop_params)
            return jax.vmap(lambda rows, *made: make(read(rows), *made))(over, results[:number], states)

        to_weights = tuple(
            (
                jnp.einsum("tbg,tbh->gh", to_result, operand(number)),
                None if bias is None else to_result.sum((0, 1)),
            )
            for number, ((_, bias), to_result) in enumerate(zip(weights, to_results, strict=True))
        )
        merged = {made.source: to_results[number] for number, made in enumerate(parts.products)}
        to_sources = tuple(merged.get(number, rows) for number, rows in enumerate(to_rows))
        if characters is not None:
            pairs = zip(to_sources, sources, strict=True)
            to_sources = tuple(sum_rows(rows, characters, len(source)) for rows, source in pairs)
        return LayerArrays(to_own, to_weights, to_sources, None, to_start, None)


XLA = XlaLoop()


def _operand(parts: Parts, number: int, loop_params: LoopParams, *given: Any) -> Float[Array, "batch depth"]:
    """`Parts.operand` for all batch rows, from the sources' rows, the results before it, and the state."""
    made: Array = jax.vmap(partial(parts.operand, number, loop_params))(*given)
    return made


def _finish(parts: Parts, loop_params: LoopParams, *given: Any) -> tuple[State, Float[Array, "batch hidden"]]:
    """`Parts.finish` for all batch rows."""
    made: tuple[State, Array] = jax.vmap(partial(parts.finish, loop_params))(*given)
    return made


def _pull(parts: Parts, given: Any, gradients: Any, weights: tuple[Weights, ...]) -> Any:
    """Return the gradient of what a step receives: back through its end, then through its products, last to first."""
    _, pull = jax.vjp(partial(_finish, parts), *given)
    loop_params, rows, results, state = pull(gradients)
    made = given[2]
    for number in reversed(range(len(made))):
        _, pull = jax.vjp(partial(_operand, parts, number), given[0], given[1], made[:number], given[3])
        more = pull(results[number] @ weights[number][0])
        before = loop_params, rows, results[:number], state
        loop_params, rows, earlier, state = jax.tree.map(jnp.add, before, more)
        results = (*earlier, *results[number:])
    return loop_params, rows, results, state


def _unmerged(parts: Parts, sources: Any) -> tuple[Any, ...]:
    """Return the sources, with None for those that are part of a product's result."""
    pairs = zip(sources, parts.is_merged, strict=True)
    return tuple(None if merged else source for source, merged in pairs)


def _rows(sources: Any, characters: Array | None) -> tuple[Any, Any]:
    """Return what the loop iterates over, and a function from one element to the sources' rows `[batch, columns]`."""
    if characters is None:
        return sources, lambda now: now
    return characters, lambda now: jax.tree.map(lambda table: table[now], sources)


def sum_rows(
    values: Float[Array, "time batch columns"], characters: Int[Array, "time batch"], rows: int
) -> Float[Array, "vocab columns"]:
    """Sum `values` over the positions of each character: the gradient of a lookup's table."""
    flat, ids = values.reshape(-1, values.shape[-1]), characters.reshape(-1)
    if rows > MAX_ONE_HOT_ROWS:
        return jnp.zeros((rows, flat.shape[-1]), flat.dtype).at[ids].add(flat)
    return jax.nn.one_hot(ids, rows, dtype=flat.dtype).T @ flat
