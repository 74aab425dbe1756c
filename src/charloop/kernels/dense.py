"""`x Wᵀ + b` over all places, and its gradients, by kernels."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from llvmlite import ir

from charloop.kernels.compiler import new_function, new_module
from charloop.kernels.emitting.bfloat16 import emit_halves, row_words
from charloop.kernels.emitting.product import Operands, Panels, emit_product
from charloop.kernels.emitting.signature import Argument, Signature
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting
from charloop.kernels.gradient import weight_gradient
from charloop.kernels.machine import Machine
from charloop.kernels.registry import Kernel, Made, find_kernel
from charloop.precision import halved

BLOCK = 256
"""Places that are made halves of at once: what they hold stays near."""


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def dense(
    machine: Machine,
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "time batch rows"]:
    """`inputs weightᵀ + bias`, as `charloop.cells.product`."""
    bias = jnp.zeros(len(weight)) if bias is None else bias
    return multiply(machine, inputs, weight.T, bias)


def _forward(
    machine: Machine,
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None,
) -> tuple[Array, tuple[Array, Array, Array | None]]:
    return dense(machine, inputs, weight, bias), (inputs, weight, bias)


def _backward(
    machine: Machine,
    saved: tuple[Array, Array, Array | None],
    gradient: Float[Array, "time batch rows"],
) -> tuple[Array, Array, Array | None]:
    inputs, weight, bias = saved
    to_inputs = multiply(machine, gradient, weight, jnp.zeros(weight.shape[1]))
    to_weight, to_bias = weight_gradient(machine, gradient, inputs)
    return to_inputs, to_weight, None if bias is None else to_bias


dense.defvjp(_forward, _backward)


def multiply(
    machine: Machine,
    left: Float[Array, "time batch depth"],
    matrix: Float[Array, "depth columns"],
    start: Float[Array, " columns"],
) -> Float[Array, "time batch columns"]:
    """`start + left matrix`."""
    panels = Panels(matrix.shape[0], matrix.shape[1], machine, halved())
    given = {"left": left, "packed": panels.pack(matrix), "start": start}
    return find_dense_kernel(panels)(given)["product"]


def find_dense_kernel(panels: Panels) -> Kernel:
    """The kernel that multiplies any number of places by a matrix of that size."""
    words = row_words(panels.depth, panels.width)
    signature = Signature(
        (
            Argument("left", ("time", "batch", panels.depth)),
            Argument("packed", (panels.packed,), dtype=panels.packed_type),
            Argument("start", (panels.columns,)),
            Argument("product", ("time", "batch", panels.columns), "out"),
            *([Argument("halves", (BLOCK * words,), "scratch")] if panels.halves else []),
        )
    )

    def make() -> Made:
        module = new_module()
        function, named = new_function(module, signature)
        v = Vectors(ir.IRBuilder(function.append_basic_block()), panels.width)
        b = v.builder
        places = b.mul(named["time"], named["batch"])
        if not panels.halves:
            emit_block(v, panels, named, INDEX(0), places)
        else:
            with counting(b, b.udiv(b.add(places, INDEX(BLOCK - 1)), INDEX(BLOCK))) as block:
                first = b.mul(block, INDEX(BLOCK))
                rest = b.sub(places, first)
                count = b.select(b.icmp_unsigned("<", rest, INDEX(BLOCK)), rest, INDEX(BLOCK))
                emit_block(v, panels, named, first, count)
        b.ret_void()
        return module, function, signature

    return find_kernel(("dense", panels), make)


def emit_block(
    v: Vectors, panels: Panels, named: dict[str, Emitted], place: Emitted, places: Emitted
) -> None:
    """The product of so many places from `place` on."""
    b = v.builder

    def read(row: Emitted) -> Emitted:
        return v.at(named["left"], b.mul(b.add(place, row), INDEX(panels.depth)))

    def halves(row: Emitted) -> Emitted:
        return v.at(named["halves"], b.mul(row, INDEX(row_words(panels.depth, panels.width))))

    if panels.halves:
        emit_halves(v, places, panels.depth, read, named["halves"])
    operands = Operands(
        left=halves if panels.halves else read,
        start=lambda _: named["start"],
        target=lambda row: v.at(named["product"], b.mul(b.add(place, row), INDEX(panels.columns))),
        packed=named["packed"],
    )
    emit_product(v, panels, places, operands)
