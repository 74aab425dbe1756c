"""The fast way: input products before the loop, weight gradients after it, one small product a tick inside.

Works for every `TickCell` and asks none for its name. What autodiff of a scan would do in the loop and is done
outside here: `x W` for all times is one product; so are the gradients of `W` and `R`; where the input is a
character, its product is a row of a table. The tick's gradient is JAX's, of the tick recomputed.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import TickCell, product
from charloop.kernels import reason_against
from charloop.types import Parameters, State
from charloop.unroll import loop
from charloop.unroll.inputs import MAX_ONE_HOT_ROWS, LayerInput, Lookup, sum_rows
from charloop.unroll.loop import Source

PRODUCTS = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")


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


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loop(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[State, Array]:
    engine = _engine(cell)
    return engine.run(cell, own, recurrent, source, start)


def _engine(cell: TickCell) -> Any:
    """Vector code made from the cell where there can be, XLA's loop elsewhere."""
    if reason_against(cell) is not None:
        return loop
    # Its compiler is imported where it is used.
    from charloop.kernels import kernel

    return kernel


def _forward(
    cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[tuple[State, Array], Any]:
    last, outputs, saved = _engine(cell).run_forward(cell, own, recurrent, source, start)
    return (last, outputs), (own, recurrent, source, start, saved)


def _backward(cell: TickCell, saved: Any, gradients: Any) -> Any:
    own, recurrent, source, start, _ = saved
    to_start, to_own, (to_product, to_input), read = _engine(cell).run_backward(cell, *saved, gradients)
    return (
        to_own,
        _recurrent_gradient(recurrent, read, to_product),
        _source_gradient(source, to_input),
        to_start,
    )


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
