"""`x Wᵀ + b` over all places, and its gradients, by kernels."""

from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from llvmlite import ir

from charloop.kernels.compiler import new_module, shape
from charloop.kernels.ffi import xla_call
from charloop.kernels.gradient import finish, new_function, weight_gradient
from charloop.kernels.product import Operands, Panels, emit_product
from charloop.kernels.vectors import INDEX, Vectors


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
    return to_inputs, weight_gradient(gradient, inputs), None if bias is None else gradient.sum((0, 1))


dense.defvjp(_forward, _backward)


def multiply(
    left: Float[Array, "time batch depth"],
    matrix: Float[Array, "depth columns"],
    start: Float[Array, " columns"],
) -> Float[Array, "time batch columns"]:
    """`start + left matrix`."""
    panels = Panels(matrix.shape[0], matrix.shape[1], *shape())
    result = jax.ShapeDtypeStruct((*left.shape[:2], panels.columns), jnp.float32)
    name = build(left.shape[0] * left.shape[1], panels)
    product: Array = xla_call(name, result)(left, panels.pack(matrix), start)
    return product


@cache
def build(places: int, panels: Panels) -> str:
    """The name of the kernel that makes it."""
    module = new_module()
    function = new_function(module, 4)
    left, packed, start, target = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), panels.width)
    operands = Operands(
        left=lambda row: v.at(left, v.builder.mul(row, INDEX(panels.depth))),
        start=lambda _: start,
        target=lambda row: v.at(target, v.builder.mul(row, INDEX(panels.columns))),
        packed=packed,
    )
    emit_product(v, panels, places, operands)
    v.builder.ret_void()
    return finish(module, function, inputs=3)
