"""The fast way: input products before the loop, weight gradients after it, one small product a step inside.

Works for every `TickCell` and asks none for its name. What autodiff of a scan would do in the loop and is done
outside here: `x W` for all times is one product; so are the gradients of `W` and `R`; where the input is a
character, its product is a row of a table. The tick's gradient is JAX's, of the tick recomputed.
"""

import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.base import TickCell
from charloop.engines import MAX_ONE_HOT_ROWS, XLA, Engine, Layer, Source, make_marks
from charloop.kernels import KernelError, reason_against
from charloop.types import Characters, Logits, Parameters, State
from charloop.unroll.inputs import LayerInput, Lookup

PRODUCTS = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")

Resets = Bool[Array, "time batch"]
Lengths = Int[Array, " batch"]


def fused(
    cell: TickCell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Resets | None = None,
    lengths: Lengths | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all times: the last state, and the outputs.

    The loop is a kernel where there can be one (`charloop.kernels`), XLA's elsewhere. Before a step whose
    `resets[time, batch]` is true, that row's memory is emptied. Row b stops after `lengths[b]` steps: its state
    stays, its outputs are 0.
    """
    return run(find_engine(cell), cell, params, inputs, state, resets=resets, lengths=lengths)


def xla(
    cell: TickCell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Resets | None = None,
    lengths: Lengths | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """The same by XLA's loop, on any platform."""
    return run(XLA, cell, params, inputs, state, resets=resets, lengths=lengths)


def find_engine(cell: object) -> Engine:
    """What `fused` runs `cell` by: kernels for this machine, or XLA's loop (`kernels.reason_against` says why)."""
    if reason_against(cell) is not None:
        return XLA
    # Imported here: LLVM.
    from charloop.kernels.engine import Kernels

    return Kernels()


def run(
    engine: Engine,
    cell: TickCell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Resets | None = None,
    lengths: Lengths | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Products before, the engine's loop, and by `custom_vjp` the weights' gradients after it."""
    if isinstance(inputs, Lookup):
        inputs = Lookup(inputs.table, inputs.characters.astype(jnp.int32))
    time, batch = inputs.characters.shape if isinstance(inputs, Lookup) else inputs.shape[:2]
    if not time:
        return state, jnp.zeros((0, batch, cell.hidden_size), params["weight_hh"].dtype)
    engine = fitting_engine(engine, time * batch if time > 1 else 0, (params, inputs, state))
    own = {name: value for name, value in params.items() if name not in PRODUCTS}
    recurrent: Parameters = {name: params[name] for name in ("weight_hh", "bias_hh") if name in params}
    marks = make_marks(time, batch, resets, lengths)
    return _loop(engine, cell, Layer(own, recurrent, project(engine, params, inputs), state, marks))


def fitting_engine(engine: Engine, steps: int, arrays: Any) -> Engine:
    """`engine`, or XLA's loop where it does not fit.

    For no steps; for a single one, for which a kernel's weights would have to be laid out; and for numbers other
    than float32.
    """
    floats = [x.dtype for x in jax.tree.leaves(arrays) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return engine if steps and all(kind == jnp.float32 for kind in floats) else XLA


def project(engine: Engine, params: Parameters, inputs: LayerInput) -> Source:
    """`x W + b` for all times at once; for characters, a table of every character's.

    An alphabet of thousands that outnumbers the places of a chunk is looked up first instead: fewer products.
    """
    weight, bias = params["weight_ih"], params.get("bias_ih")
    if not isinstance(inputs, Lookup):
        return multiply(engine, inputs, weight, bias), None
    if len(inputs.table) > max(MAX_ONE_HOT_ROWS, inputs.characters.size):
        return multiply(engine, inputs.gather(), weight, bias), None
    return multiply(engine, inputs.table[None], weight, bias)[0], inputs.characters


def multiply(
    engine: Engine,
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "time batch rows"]:
    """`inputs weightᵀ + bias` by `engine`; by XLA where its kernel cannot be compiled."""
    made: Array = _or_xla(engine, lambda engine: engine.product(inputs, weight, bias))
    return made


def score(engine: Engine, logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
    """Nats of each target by `engine`; by XLA where it does not fit, or its kernel cannot be compiled."""
    fitting = fitting_engine(engine, logits.size, logits)
    nats: Array = _or_xla(fitting, lambda engine: engine.cross_entropy(logits, targets))
    return nats


def _or_xla(engine: Engine, make: Any) -> Any:
    """What `make(engine)` gives; where a kernel cannot be compiled, what XLA's loop gives, and a warning, once."""
    try:
        return make(engine)
    except KernelError as error:
        warnings.warn(f"{error}; XLA's loop runs instead, slower", RuntimeWarning, stacklevel=2)
        return make(XLA)


@partial(jax.tree_util.register_dataclass, data_fields=("layer", "values"), meta_fields=("engine",))
@dataclass(frozen=True)
class Saved:
    """What the way back is handed, and the engine that made it: each has its own."""

    layer: Layer
    values: Any
    engine: Engine = field(metadata={"static": True})


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loop(engine: Engine, cell: TickCell, layer: Layer) -> tuple[State, Array]:
    last, outputs, _ = _or_xla(engine, lambda engine: engine.run_forward(cell, layer))
    return last, outputs


def _forward(engine: Engine, cell: TickCell, layer: Layer) -> tuple[tuple[State, Array], Saved]:
    def make(engine: Engine) -> tuple[tuple[State, Array], Saved]:
        engine.prepare(cell, layer)
        last, outputs, saved = engine.run_forward(cell, layer)
        return (last, outputs), Saved(layer, saved, engine)

    found: tuple[tuple[State, Array], Saved] = _or_xla(engine, make)
    return found


def _backward(_engine: Engine, cell: TickCell, saved: Saved, gradients: Any) -> tuple[Layer]:
    return (Layer(*saved.engine.run_backward(cell, saved.layer, saved.values, gradients)),)


_loop.defvjp(_forward, _backward)
