"""`x Wᵀ + b` over all places, and its gradients, by kernels."""

from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from llvmlite import ir

from charloop.kernels.compiler import callable_by_xla, new_function, new_module, shape
from charloop.kernels.ffi import xla_call
from charloop.kernels.gradient import weight_gradient
from charloop.kernels.halves import emit_halves, row_words
from charloop.kernels.product import Operands, Panels, emit_product
from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting
from charloop.precision import halved

BLOCK = 256
"""Places that are made halves of at once: what they hold stays near."""


@jax.custom_vjp
def dense(
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None = None,
) -> Float[Array, "time batch rows"]:
    """`inputs weightᵀ + bias`, as `charloop.cells.product`."""
    bias = jnp.zeros(len(weight)) if bias is None else bias
    return multiply(inputs, weight.T, bias)


def _forward(
    inputs: Float[Array, "time batch columns"],
    weight: Float[Array, "rows columns"],
    bias: Float[Array, " rows"] | None,
) -> tuple[Array, tuple[Array, Array, Array | None]]:
    return dense(inputs, weight, bias), (inputs, weight, bias)


def _backward(
    saved: tuple[Array, Array, Array | None], gradient: Float[Array, "time batch rows"]
) -> tuple[Array, Array, Array | None]:
    inputs, weight, bias = saved
    to_inputs = multiply(gradient, weight, jnp.zeros(weight.shape[1]))
    to_weight, to_bias = weight_gradient(gradient, inputs)
    return to_inputs, to_weight, None if bias is None else to_bias


dense.defvjp(_forward, _backward)


def multiply(
    left: Float[Array, "time batch depth"],
    matrix: Float[Array, "depth columns"],
    start: Float[Array, " columns"],
) -> Float[Array, "time batch columns"]:
    """`start + left matrix`."""
    panels = Panels(matrix.shape[0], matrix.shape[1], *shape(), halved())
    places = left.shape[0] * left.shape[1]
    results = [jax.ShapeDtypeStruct((*left.shape[:2], panels.columns), jnp.float32)]
    if panels.halves:
        words = min(places, BLOCK) * row_words(panels.depth, panels.width)
        results += [jax.ShapeDtypeStruct((words,), jnp.float32)]
    product: Array = xla_call(build(places, panels), results)(left, panels.pack(matrix), start)[0]
    return product


@cache
def build(places: int, panels: Panels) -> str:
    """The name of the kernel that makes it."""
    module = new_module()
    function = new_function(module, 4 + panels.halves)
    v = Vectors(ir.IRBuilder(function.append_basic_block()), panels.width)
    if panels.halves:
        whole, over = divmod(places, BLOCK)
        if whole:
            with counting(v.builder, whole) as block:
                emit_block(v, panels, function, v.builder.mul(block, INDEX(BLOCK)), BLOCK)
        if over:
            emit_block(v, panels, function, INDEX(whole * BLOCK), over)
    else:
        emit_block(v, panels, function, INDEX(0), places)
    v.builder.ret_void()
    return callable_by_xla(module, function, inputs=3)


def emit_block(v: Vectors, panels: Panels, function: ir.Function, place: Emitted, places: int) -> None:
    """The product of so many places from `place` on."""
    left, packed, start, target, *room = function.args
    b = v.builder

    def read(row: Emitted) -> Emitted:
        return v.at(left, b.mul(b.add(place, row), INDEX(panels.depth)))

    def halves(row: Emitted) -> Emitted:
        return v.at(room[0], b.mul(row, INDEX(row_words(panels.depth, panels.width))))

    if panels.halves:
        emit_halves(v, places, panels.depth, read, room[0])
    operands = Operands(
        left=halves if panels.halves else read,
        start=lambda _: start,
        target=lambda row: v.at(target, b.mul(b.add(place, row), INDEX(panels.columns))),
        packed=packed,
    )
    emit_product(v, panels, places, operands)
