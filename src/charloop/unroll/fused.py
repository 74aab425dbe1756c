"""The fast unrolling: input products before the loop, weight gradients after it, one small product per step inside.

It works for every cell: the step is divided at its products (`engines.parts`). Compared with automatic
differentiation of a scan, three things move out of the loop: `x W` for all time steps is one product; so are the
gradients of `W` and `R`; and if the input is a character, its product is a row of a table. The gradient of what lies
between the products is JAX's, of the recomputed step.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from charloop.cells.base import Cell
from charloop.engines import (
    MAX_ONE_HOT_ROWS,
    XLA,
    Engine,
    LayerArrays,
    Parts,
    SourceArrays,
    are_idle,
    encode_row_flags,
    partition_step,
)
from charloop.engines.parts import Weights
from charloop.kernels import KernelError, reason_against_kernel
from charloop.pytree import register_pytree
from charloop.types import Parameters, State
from charloop.unroll.inputs import LayerInput, Lookup, gather_features

Resets = Bool[Array, "time batch"]
Lengths = Int[Array, " batch"]


def fused(
    cell: Cell,
    params: Parameters,
    inputs: LayerInput,
    state: State,
    *,
    resets: Resets | None = None,
    lengths: Lengths | None = None,
    engine: Engine | None = None,
) -> tuple[State, Float[Array, "time batch hidden"]]:
    """Run `cell` over all time steps; return the last state and the outputs.

    Before a step whose `resets[time, batch]` is true, that row's memory is emptied. Row b ends after `lengths[b]`
    steps: its state stays, its outputs are 0. `engine` runs the loop; by default a kernel if one is available
    (`charloop.kernels`), otherwise XLA's loop.
    """
    if isinstance(inputs, Lookup):
        inputs = Lookup(inputs.table, inputs.characters.astype(jnp.int32))
    time, batch = inputs.characters.shape if isinstance(inputs, Lookup) else inputs.shape[:2]
    parts = find_parts(cell, params, inputs, state)
    loop_params, to_sources, weights = parts.prepare(params)
    if not time:
        return state, jnp.zeros((0, batch, cell.hidden_size), parts.dtype)
    positions = time * batch if time > 1 else 0
    engine = choose_engine(engine or find_engine(cell), positions, (params, inputs, state))
    sources, characters = project_inputs(engine, to_sources, inputs)
    flags = encode_row_flags(time, batch, resets, lengths)
    layer = LayerArrays(loop_params, weights, sources, characters, state, flags)
    state, outputs = _loop(engine, parts, layer)
    if flags is not None and lengths is not None:
        outputs = jnp.where(are_idle(flags)[..., None], 0.0, outputs)
    return state, outputs


xla = partial(fused, engine=XLA)
"""`fused` by XLA's loop, on any platform."""


def find_engine(cell: object) -> Engine:
    """Return the engine of `fused` for `cell`: kernels for this machine, or XLA's loop
    (`kernels.reason_against_kernel`).
    """
    if reason_against_kernel(cell) is not None:
        return XLA
    # Imported late, because it loads LLVM.
    from charloop.kernels.engine import Kernels

    return Kernels()


def find_parts(cell: Cell, params: Parameters, inputs: LayerInput, state: State) -> Parts:
    """Return the step's parts for one batch row of these arrays."""
    array = inputs.table if isinstance(inputs, Lookup) else inputs
    row = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), state)
    return partition_step(cell, dict(params), jax.ShapeDtypeStruct(array.shape[-1:], array.dtype), row)


def choose_engine(engine: Engine, steps: int, arrays: Any) -> Engine:
    """Return `engine`, or XLA's loop if it does not fit.

    That is the case for no steps, for a single step (a kernel would have to pack its weights for it), and for numbers
    other than float32.
    """
    floats = [x.dtype for x in jax.tree.leaves(arrays) if jnp.issubdtype(x.dtype, jnp.inexact)]
    return engine if steps and all(kind == jnp.float32 for kind in floats) else XLA


def project_inputs(
    engine: Engine, weights: Sequence[Weights | None], inputs: LayerInput
) -> tuple[SourceArrays, Array | None]:
    """Return `x W + b` for all time steps at once, or `x` if there are no weights; for characters, of every
    character.

    A vocabulary of more than `MAX_ONE_HOT_ROWS` characters that has more characters than the chunk has positions is
    looked up first: that needs fewer products.
    """
    if not isinstance(inputs, Lookup):
        array, characters = inputs, None
    elif len(inputs.table) > max(MAX_ONE_HOT_ROWS, inputs.characters.size):
        array, characters = gather_features(inputs), None
    else:
        array, characters = inputs.table[None], inputs.characters
    made = (array if pair is None else multiply_inputs(engine, array, *pair) for pair in weights)
    return tuple(source if characters is None else source[0] for source in made), characters


def multiply_inputs(
    engine: Engine,
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "time batch rows"]:
    """Return `inputs weightᵀ + bias` by `engine`; by XLA if the engine's kernel cannot be compiled."""
    made: Array = or_xla(engine, lambda engine: engine.product(inputs, weight, bias))
    return made


def or_xla(engine: Engine, make: Any) -> Any:
    """Return `make(engine)`; if a kernel cannot be compiled, warn once and return what XLA's loop makes."""
    try:
        return make(engine)
    except KernelError as error:
        warnings.warn(f"{error}; XLA's loop runs instead, which is slower", RuntimeWarning, stacklevel=2)
        return make(XLA)


@register_pytree
@dataclass(frozen=True)
class Saved:
    """What the forward pass saves for the backward pass, and its engine: each engine saves its own values."""

    layer: LayerArrays
    values: Any
    engine: Engine = field(metadata={"static": True})


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _loop(engine: Engine, parts: Parts, layer: LayerArrays) -> tuple[State, Array]:
    last, outputs, _ = or_xla(engine, lambda engine: engine.run_forward(parts, layer))
    return last, outputs


def _forward(engine: Engine, parts: Parts, layer: LayerArrays) -> tuple[tuple[State, Array], Saved]:
    def make(engine: Engine) -> tuple[tuple[State, Array], Saved]:
        engine.prepare(parts, layer)
        last, outputs, saved = engine.run_forward(parts, layer)
        return (last, outputs), Saved(layer, saved, engine)

    found: tuple[tuple[State, Array], Saved] = or_xla(engine, make)
    return found


def _backward(_engine: Engine, parts: Parts, saved: Saved, gradients: Any) -> tuple[LayerArrays]:
    return (saved.engine.run_backward(parts, saved.layer, saved.values, gradients),)


_loop.defvjp(_forward, _backward)
