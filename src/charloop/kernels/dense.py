"""`x Wᵀ + b` at all positions, and its gradients, by kernels."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from charloop.kernels.compiler import emit_kernel
from charloop.kernels.emitting.bfloat16 import count_row_words, emit_bfloat16_rows
from charloop.kernels.emitting.product import Operands, Panels, emit_product
from charloop.kernels.emitting.signature import Argument, Signature
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, each_block
from charloop.kernels.gradient import sum_weight_gradient
from charloop.kernels.machine import Machine
from charloop.kernels.registry import Kernel, find_kernel
from charloop.precision import is_bfloat16

ROUNDING_BLOCK = 256
"""Positions that are rounded to bfloat16 at a time, so that they stay in the cache."""


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def multiply_dense(
    machine: Machine,
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "time batch rows"]:
    """Return `inputs weightᵀ + bias`, as `charloop.cells.product`."""
    bias = jnp.zeros(len(weight)) if bias is None else bias
    return multiply_packed(machine, inputs, weight.T, bias)


def _forward(
    machine: Machine,
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None,
) -> tuple[Array, tuple[Array, Array, Array | None]]:
    return multiply_dense(machine, inputs, weight, bias), (inputs, weight, bias)


def _backward(
    machine: Machine,
    saved: tuple[Array, Array, Array | None],
    gradient: Float[Array, "time batch rows"],
) -> tuple[Array, Array, Array | None]:
    inputs, weight, bias = saved
    to_inputs = multiply_packed(machine, gradient, weight, jnp.zeros(weight.shape[1]))
    to_weight, to_bias = sum_weight_gradient(machine, gradient, inputs)
    return to_inputs, to_weight, None if bias is None else to_bias


multiply_dense.defvjp(_forward, _backward)


def multiply_packed(
    machine: Machine,
    left: Float[Array, "time batch depth"],
    matrix: Float[Array, "depth columns"],
    start: Float[Array, " columns"],
) -> Float[Array, "time batch columns"]:
    """Return `start + left matrix`."""
    panels = Panels(matrix.shape[0], matrix.shape[1], machine, is_bfloat16())
    given = {"left": left, "packed": panels.pack(matrix), "start": start}
    return find_dense_kernel(panels)(given)["product"]


def find_dense_kernel(panels: Panels) -> Kernel:
    """Return the kernel that multiplies any number of positions by a matrix of that size."""
    words = count_row_words(panels.depth, panels.machine.width)
    signature = Signature(
        (
            Argument("left", ("time", "batch", panels.depth)),
            Argument("packed", (panels.packed,), dtype=panels.packed_type),
            Argument("start", (panels.columns,)),
            Argument("product", ("time", "batch", panels.columns), "out"),
            *([Argument("rounded", (ROUNDING_BLOCK * words,), "scratch")] if panels.bfloat16 else []),
        )
    )

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        positions = v.builder.mul(named["time"], named["batch"])
        if panels.bfloat16:
            with each_block(v, positions, ROUNDING_BLOCK) as (first, count):
                emit_block(v, panels, named, first, count)
        else:
            emit_block(v, panels, named, INDEX(0), positions)

    return find_kernel(("dense", panels), lambda: emit_kernel(signature, panels.machine.width, emit))


def emit_block(
    v: Vectors, panels: Panels, named: dict[str, Emitted], position: Emitted, positions: Emitted
) -> None:
    """Emit the product of `positions` positions, beginning at `position`."""
    b = v.builder

    def read(row: Emitted) -> Emitted:
        return v.at(named["left"], b.mul(b.add(position, row), INDEX(panels.depth)))

    def rounded(row: Emitted) -> Emitted:
        return v.at(named["rounded"], b.mul(row, INDEX(count_row_words(panels.depth, panels.machine.width))))

    if panels.bfloat16:
        emit_bfloat16_rows(v, positions, panels.depth, read, named["rounded"])
    operands = Operands(
        left=rounded if panels.bfloat16 else read,
        start=lambda _: named["start"],
        target=lambda row: v.at(named["product"], b.mul(b.add(position, row), INDEX(panels.columns))),
        packed=named["packed"],
    )
    emit_product(v, panels, positions, operands)
