"""XLA's loop over time, forward and backward: for any tick, on any platform."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from charloop.cells.additive import only_adds
from charloop.cells.base import TickCell, product
from charloop.types import Parameters, State
from charloop.unroll.inputs import sum_rows

Source: TypeAlias = tuple[Float[Array, "*rows gates"], Int[Array, "time batch"] | None]
"""Input products of all times; or a table of every character's, and the characters."""


def rows(source: Source) -> tuple[Any, Any]:
    """What the loop walks over, and how one tick of it becomes `[batch, gates]`."""
    products, characters = source
    if characters is None:
        return products, lambda now: now
    return characters, lambda now: products[now]


def run(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """The last state, and the outputs."""
    over, read = rows(source)

    def tick(state: State, row: Array) -> tuple[State, Array]:
        from_state = product(cell.recurrent(state), recurrent["weight_hh"], recurrent.get("bias_hh"))
        return cell.tick(own, read(row), from_state, state)

    return lax.scan(tick, start, over)


def run_forward(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[State, Float[Array, "time batch hidden"], Any]:
    """The same, and what the way back needs: the state before each tick, and the gates' products."""
    over, read = rows(source)
    adds = only_adds(cell, own, read(over[0]), start)

    def tick(state: State, row: Array) -> tuple[State, Any]:
        from_state = product(cell.recurrent(state), recurrent["weight_hh"], recurrent.get("bias_hh"))
        new, output = cell.tick(own, read(row), from_state, state)
        return new, (output, state, read(row) + from_state if adds else from_state)

    last, (outputs, states, gates) = lax.scan(tick, start, over)
    return last, outputs, (states, gates)


def run_backward(
    cell: TickCell,
    own: Parameters,
    recurrent: Parameters,
    source: Source,
    start: State,
    saved: Any,
    gradients: tuple[State, Float[Array, "time batch hidden"]],
) -> tuple[State, Parameters, Parameters, Any]:
    """Gradients of the first state, the tick's parameters, the state's product's, and the source.

    The tick's gradient is JAX's, of the tick recomputed.
    """
    states, gates = saved
    over, read = rows(source)
    over = None if only_adds(cell, own, read(over[0]), start) else over

    def tick(carry: Any, now: Any) -> Any:
        to_state, to_own = carry
        row, state, gate, to_output = now
        # Where the two are only ever added, `gate` is their sum.
        products = (gate, jnp.zeros_like(gate)) if row is None else (read(row), gate)
        _, pull = jax.vjp(cell.tick, own, *products, state)
        to_own_now, to_input, to_product, to_state = pull((to_state, to_output))
        _, pull_recurrent = jax.vjp(cell.recurrent, state)
        (through_product,) = pull_recurrent(to_product @ recurrent["weight_hh"])
        to_state = jax.tree.map(jnp.add, to_state, through_product)
        kept = (to_product,) if row is None else (to_product, to_input)
        return (to_state, jax.tree.map(jnp.add, to_own, to_own_now)), kept

    empty = (gradients[0], jax.tree.map(jnp.zeros_like, own))
    (to_start, to_own), kept = lax.scan(tick, empty, (over, states, gates, gradients[1]), reverse=True)
    to_recurrent = _recurrent_gradient(recurrent, cell.recurrent(states), kept[0])
    return to_start, to_own, to_recurrent, _source_gradient(source, kept[-1])


def _recurrent_gradient(
    recurrent: Parameters,
    hidden: Float[Array, "time batch hidden"],
    to_product: Float[Array, "time batch gates"],
) -> Parameters:
    """The gradients of `weight_hh` and its bias, each in one sweep over all times."""
    gradient = {"weight_hh": jnp.einsum("tbg,tbh->gh", to_product, hidden)}
    return gradient | ({"bias_hh": to_product.sum((0, 1))} if "bias_hh" in recurrent else {})


def _source_gradient(source: Source, to_input: Float[Array, "time batch gates"]) -> Any:
    products, characters = source
    gradient = to_input if characters is None else sum_rows(to_input, characters, products.shape[0])
    return gradient, None
