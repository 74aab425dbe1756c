"""The fast way: input products before the loop, weight gradients after it, one small product a tick inside.

Works for every `TickCell` and asks none for its name. What autodiff of a scan would do in the loop and is done
outside here: `x W` for all times is one product; so are the gradients of `W` and `R`; where the input is a
character, its product is a row of a table. The tick's gradient is JAX's, of the tick recomputed.
"""

from functools import partial
from importlib import import_module
from typing import Any

import jax
from jaxtyping import Array, Float

from charloop.cells.base import Cell, TickCell
from charloop.kernels import reason_against
from charloop.types import Parameters, State
from charloop.unroll.inputs import MAX_ONE_HOT_ROWS, LayerInput, Lookup
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
    return run(engine_for(cell, ticks), cell, params, inputs, state)


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
    return _loop(engine, cell, own, recurrent, project(engine, params, inputs), state)


def project(engine: str, params: Parameters, inputs: LayerInput) -> Source:
    """`x W + b` for all times at once; for characters, a table of every character's.

    An alphabet of thousands that outnumbers the places of a chunk is looked up first instead: fewer products.
    """
    weight, bias, over_all = params["weight_ih"], params.get("bias_ih"), engine_of(engine).product
    if not isinstance(inputs, Lookup):
        return over_all(inputs, weight, bias), None
    if len(inputs.table) > max(MAX_ONE_HOT_ROWS, inputs.characters.size):
        return over_all(inputs.gather(), weight, bias), None
    return over_all(inputs.table[None], weight, bias)[0], inputs.characters


def engine_for(cell: Cell, ticks: int) -> str:
    """Which runs so many ticks of `cell`, and its products over all of them."""
    return "kernel" if ticks > 1 and reason_against(cell) is None else "xla"


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
    to_start, *others = engine_of(engine).run_backward(cell, *saved, gradients)
    return *others, to_start


_loop.defvjp(_forward, _backward)
