"""Gradients that are sums over all places of the text: of a weight matrix, and of the rows of a table.

XLA's library makes the first at half of the machine's rate where layers are small, and the second as a product with
ones and zeros.
"""

from functools import cache

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from llvmlite import ir

from charloop.kernels.compiler import callable_by_xla, new_function, new_module, shape
from charloop.kernels.ffi import xla_call
from charloop.kernels.summing import DEPTH, Sizes, Summing
from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting, each_vector
from charloop.precision import halved


def weight_gradient(
    left: Float[Array, "time batch rows"],
    right: Float[Array, "time batch columns"],
    start: Float[Array, "batch columns"] | None = None,
) -> tuple[Float[Array, "rows columns"], Float[Array, " rows"]]:
    """The sum of `left[place] right[place]ᵀ`, and of `left[place]`: a bias's gradient.

    With `start`, of `right` one time before, which begins with it.
    """
    time, batch, rows = left.shape
    early = 0 if start is None else batch
    sizes = Sizes(time * batch, early, rows, right.shape[-1], halved())
    shapes = (rows, sizes.columns), (rows,)
    results = [jax.ShapeDtypeStruct(size, jnp.float32) for size in shapes]
    results += [jax.ShapeDtypeStruct((sizes.room,), jnp.float32)] if sizes.halves else []
    first = right[0] if start is None else start
    gradient, total, *_ = xla_call(build_product(sizes), results)(left, first, right)
    return gradient, total


def table_gradient(
    values: Float[Array, "time batch columns"], characters: Int[Array, "time batch"], rows: int
) -> Float[Array, "rows columns"]:
    """The sum of `values` over each character's places."""
    columns = values.shape[-1]
    result = jax.ShapeDtypeStruct((rows, columns), jnp.float32)
    empty = jnp.zeros(result.shape)
    kernel = xla_call(
        build_rows(characters.size, rows, columns),
        result,
        input_output_aliases={2: 0},
    )
    gradient: Array = kernel(values, characters, empty)
    return gradient


@cache
def build_product(sizes: Sizes) -> str:
    """The name of the kernel that sums up products of two rows."""
    module = new_module()
    function = new_function(module, 5 + sizes.halves)
    left, first, right, target, total, *room = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0])
    emitter = Summing(v, sizes, target, total, room[0] if room else None)
    later = sizes.places - sizes.early
    emitter.clear()
    if sizes.early:
        emitter.block(left, first, sizes.early)
    rest = v.at(left, sizes.early * sizes.rows)
    blocks, over = divmod(later, DEPTH)
    if blocks:
        with counting(v.builder, blocks) as number:
            place = v.builder.mul(number, INDEX(DEPTH))
            emitter.block(*emitter.rows_at(rest, right, place), DEPTH)
    if over:
        emitter.block(*emitter.rows_at(rest, right, INDEX(blocks * DEPTH)), over)
    v.builder.ret_void()
    return callable_by_xla(module, function, inputs=3)


@cache
def build_rows(places: int, rows: int, columns: int) -> str:
    """The name of the kernel that adds each place's row to its character's."""
    module = new_module()
    function = new_function(module, 3)
    values, characters, target = function.args
    v = Vectors(ir.IRBuilder(function.append_basic_block()), shape()[0])
    b = v.builder
    with counting(b, places) as place:
        character = v.character(characters, place, rows)
        source = v.at(values, b.mul(place, INDEX(columns)))
        goal = v.at(target, b.mul(character, INDEX(columns)))

        def add(column: Emitted, lanes: int, source: Emitted = source, goal: Emitted = goal) -> None:
            here = v.at(goal, column)
            v.store(b.fadd(v.load(here, lanes), v.load(v.at(source, column), lanes)), here, lanes)

        each_vector(v, columns, add)
    b.ret_void()
    return callable_by_xla(module, function, inputs=2)
