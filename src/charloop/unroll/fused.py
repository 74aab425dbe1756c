"""The fast way: input products before the loop, weight gradients after it, one small product a tick inside.

Works for every `TickCell` and asks none for its name. What autodiff of a scan would do in the loop and is done
outside here: `x W` for all times is one product; so are the gradients of `W` and `R`; where the input is a
character, its product is a row of a table. The tick's gradient is JAX's, of the tick recomputed.
"""

from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from charloop.cells.base import TickCell, product
from charloop.types import Parameters, State
from charloop.unroll.additive import only_adds
from charloop.unroll.inputs import MAX_ONE_HOT_ROWS, LayerInput, Lookup, sum_rows

PRODUCTS = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
Source: TypeAlias = tuple[Float[Array, "*rows gates"], Int[Array, "time batch"] | None]
"""Input products of all times; or a table of every character's, and the characters."""


def fused(
    cell: TickCell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs."""
    own = {name: value for name, value in params.items() if name not in PRODUCTS}
    recurrent = {name: params[name] for name in ("weight_hh", "bias_hh") if name in params}
    return _loop(cell, own, recurrent, project(params, inputs), state)


def project(params: Parameters, inputs: LayerInput) -> Source:
    """`x W + b` for all times at once; for characters, a table of every character's.

    An alphabet of thousands that outnumbers the places of a chunk is looked up first instead: fewer products.
    """
    weight, bias = params["weight_ih"], params.get("bias_ih")
    if not isinstance(inputs, Lookup):
        return product(inputs, weight, bias), None
    if len(inputs.table) > max(MAX_ONE_HOT_ROWS, inputs.characters.size):
        return product(inputs.gather(), weight, bias), None
    return product(inputs.table, weight, bias), inputs.characters


def _rows(source: Source) -> tuple[Any, Any]:
    """What the loop walks over, and how one tick of it becomes `[batch, gates]`."""
    products, characters = source
    if characters is None:
        return products, lambda now: now
    return characters, lambda now: products[now]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, state: State
) -> tuple[State, Array]:
    rows, read = _rows(source)

    def tick(state: State, row: Array) -> tuple[State, Array]:
        from_state = product(cell.recurrent(state), recurrent["weight_hh"], recurrent.get("bias_hh"))
        return cell.tick(own, read(row), from_state, state)

    return lax.scan(tick, state, rows)


def _forward(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, state: State
) -> tuple[tuple[State, Array], Any]:
    rows, read = _rows(source)
    adds = only_adds(cell, own, read(rows[0]), state)

    def tick(state: State, row: Array) -> tuple[State, Any]:
        from_state = product(cell.recurrent(state), recurrent["weight_hh"], recurrent.get("bias_hh"))
        new, output = cell.tick(own, read(row), from_state, state)
        return new, (output, state, read(row) + from_state if adds else from_state)

    last, (outputs, states, gates) = lax.scan(tick, state, rows)
    return (last, outputs), (own, recurrent, source, states, gates, None if adds else rows)


def _backward(cell: TickCell, saved: Any, gradients: Any) -> Any:
    own, recurrent, source, states, gates, rows = saved
    _, read = _rows(source)

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

    start = (gradients[0], jax.tree.map(jnp.zeros_like, own))
    (to_state, to_own), kept = lax.scan(tick, start, (rows, states, gates, gradients[1]), reverse=True)
    to_recurrent = _recurrent_gradient(recurrent, cell.recurrent(states), kept[0])
    return to_own, to_recurrent, _source_gradient(source, kept[-1]), to_state


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


_loop.defvjp(_forward, _backward)
