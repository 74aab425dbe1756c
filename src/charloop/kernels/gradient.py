"""Gradients that are sums over all places of the text: of a weight matrix, and of the rows of a table.

XLA's library makes the first at half of the machine's rate where layers are small, and the second as a product with
ones and zeros.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from llvmlite import ir

from charloop.kernels.compiler import new_function, new_module
from charloop.kernels.machine import Machine
from charloop.kernels.registry import Kernel, Made, find_kernel
from charloop.kernels.signature import Argument, Signature
from charloop.kernels.summing import Summing, room_for
from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting, each_vector
from charloop.precision import halved


def weight_gradient(
    machine: Machine,
    left: Float[Array, "time batch rows"],
    right: Float[Array, "time batch columns"],
    start: Float[Array, "batch columns"] | None = None,
) -> tuple[Float[Array, "rows columns"], Float[Array, " rows"]]:
    """The sum of `left[place] right[place]ᵀ`, and of `left[place]`: a bias's gradient.

    With `start`, of `right` one time before, which begins with it.
    """
    rows, columns = left.shape[-1], right.shape[-1]
    given = {"left": left, "right": right} | ({} if start is None else {"start": start})
    found = find_weight_kernel(machine, rows, columns, shifted=start is not None, halves=halved())(given)
    return found["gradient"], found["total"]


def table_gradient(
    machine: Machine,
    values: Float[Array, "time batch columns"],
    characters: Int[Array, "time batch"],
    rows: int,
) -> Float[Array, "rows columns"]:
    """The sum of `values` over each character's places."""
    columns = values.shape[-1]
    given = {"values": values, "characters": characters, "gradient": jnp.zeros((rows, columns))}
    return find_table_kernel(machine, columns)(given)["gradient"]


def find_weight_kernel(machine: Machine, rows: int, columns: int, *, shifted: bool, halves: bool) -> Kernel:
    """The kernel that sums up products of two rows, for any number of places."""
    places = ("time", "batch")
    signature = Signature(
        (
            Argument("left", (*places, rows)),
            Argument("right", (*places, columns)),
            *([Argument("start", ("batch", columns))] if shifted else []),
            Argument("gradient", (rows, columns), "out"),
            Argument("total", (rows,), "out"),
            *([Argument("room", (room_for(rows, columns, machine.width),), "scratch")] if halves else []),
        )
    )

    def make() -> Made:
        module = new_module()
        function, named = new_function(module, signature)
        v = Vectors(ir.IRBuilder(function.append_basic_block()), machine.width)
        b, (left, right) = v.builder, (named["left"], named["right"])
        emitter = Summing(v, machine, rows, columns, named["gradient"], named["total"], named.get("room"))
        emitter.clear()
        count = b.mul(named["time"], named["batch"])
        if shifted:
            # The first time's places go with `start`, and those after it with `right` from its beginning.
            emitter.add(left, named["start"], named["batch"])
            left = v.at(left, b.mul(named["batch"], INDEX(rows)))
            count = b.sub(count, named["batch"])
        with b.if_then(b.icmp_unsigned("!=", count, INDEX(0))):
            emitter.add(left, right, count)
        b.ret_void()
        return module, function, signature

    return find_kernel(("weight gradient", machine, rows, columns, shifted, halves), make)


def find_table_kernel(machine: Machine, columns: int) -> Kernel:
    """The kernel that adds each place's row to its character's."""
    signature = Signature(
        (
            Argument("values", ("time", "batch", columns)),
            Argument("characters", ("time", "batch"), dtype="int32"),
            Argument("gradient", ("rows", columns), "inout"),
        )
    )

    def make() -> Made:
        module = new_module()
        function, named = new_function(module, signature)
        v = Vectors(ir.IRBuilder(function.append_basic_block()), machine.width)
        b = v.builder
        with counting(b, b.mul(named["time"], named["batch"])) as place:
            character = v.character(named["characters"], place, named["rows"])
            source = v.at(named["values"], b.mul(place, INDEX(columns)))
            goal = v.at(named["gradient"], b.mul(character, INDEX(columns)))

            def add(column: Emitted, lanes: int) -> None:
                here = v.at(goal, column)
                v.store(b.fadd(v.load(here, lanes), v.load(v.at(source, column), lanes)), here, lanes)

            each_vector(v, columns, add)
        b.ret_void()
        return module, function, signature

    return find_kernel(("table gradient", machine, columns), make)
