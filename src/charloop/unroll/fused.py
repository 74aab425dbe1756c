"""The fast way: input products before the loop, weight gradients after it, one small product a tick inside.

Works for every `TickCell` and asks none for its name. What autodiff of a scan would do in the loop and is done
outside here: `x W` for all times is one product; so are the gradients of `W` and `R`; where the input is a
character, its product is a row of a table. The tick's gradient is JAX's, of the tick recomputed.
"""

from functools import partial
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.cells.base import TickCell, product
from charloop.kernels import reason_against
from charloop.types import Parameters, State
from charloop.unroll.inputs import MAX_ONE_HOT_ROWS, LayerInput, Lookup, sum_rows
from charloop.unroll.loop import Source

PRODUCTS = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")


def fused(
    cell: TickCell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs.

    The loop is a kernel where there can be one (`charloop.kernels`), XLA's elsewhere. A single tick is XLA's too:
    a kernel's weights would have to be laid out anew for each.
    """
    ticks = len(inputs.characters if isinstance(inputs, Lookup) else inputs)
    engine = "kernel" if ticks > 1 and reason_against(cell) is None else "xla"
    return run(engine, cell, params, inputs, state)


def xla(
    cell: TickCell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """The same by XLA's loop, on any platform."""
    return run("xla", cell, params, inputs, state)


def run(
    engine: str, cell: TickCell, params: Parameters, inputs: LayerInput, state: State
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Products before, the engine's loop, and by `custom_vjp` the weights' gradients after it."""
    own = {name: value for name, value in params.items() if name not in PRODUCTS}
    recurrent = {name: params[name] for name in ("weight_hh", "bias_hh") if name in params}
    return _loop(engine, cell, own, recurrent, project(params, inputs), state)


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


def engine_of(name: str) -> Any:
    """The module whose loop runs; a kernel's needs a compiler that is imported where it is used."""
    return import_module(f"charloop.{'kernels.kernel' if name == 'kernel' else 'unroll.loop'}")


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loop(
    engine: str, cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[State, Array]:
    found: tuple[State, Array] = engine_of(engine).run(cell, own, recurrent, source, start)
    return found


def _forward(
    engine: str, cell: TickCell, own: Parameters, recurrent: Parameters, source: Source, start: State
) -> tuple[tuple[State, Array], Any]:
    last, outputs, saved = engine_of(engine).run_forward(cell, own, recurrent, source, start)
    return (last, outputs), (own, recurrent, source, start, saved)


def _backward(engine: str, cell: TickCell, saved: Any, gradients: Any) -> Any:
    _, recurrent, source, *_ = saved
    found = engine_of(engine).run_backward(cell, *saved, gradients)
    to_start, to_own, (to_product, to_input), read = found
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
