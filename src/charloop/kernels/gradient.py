"""Gradients that are sums over all places of the text: of a weight matrix, and of the rows of a table.

XLA's library makes the first at half of the machine's rate where layers are small, and the second as a product with
ones and zeros.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from llvmlite import ir

from charloop.engines.row_flags import Marks
from charloop.kernels.compiler import new_function, new_module
from charloop.kernels.emitting.outer_products import DEPTH, Fresh, Summing, room_for
from charloop.kernels.emitting.signature import Argument, Signature
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting, each_vector
from charloop.kernels.machine import Machine
from charloop.kernels.registry import Kernel, Made, find_kernel
from charloop.precision import halved


class Before(NamedTuple):
    """What was before a state: the one of the time before, or a beginning."""

    start: Float[Array, "batch columns"]
    """Before the first."""
    marks: Marks | None = None
    fresh: Float[Array, " columns"] | None = None
    """Where a mark says that memory was emptied; there if there are marks."""


def weight_gradient(
    machine: Machine,
    left: Float[Array, "time batch rows"],
    right: Float[Array, "time batch columns"],
    before: Before | None = None,
) -> tuple[Float[Array, "rows columns"], Float[Array, " rows"]]:
    """The sum of `left[place] right[place]ᵀ`, and of `left[place]`: a bias's gradient.

    With `before`, of what was before each of the states `right`.
    """
    rows, columns = left.shape[-1], right.shape[-1]
    shifted, marked = before is not None, before is not None and before.marks is not None
    kernel = find_weight_kernel(machine, rows, columns, shifted=shifted, marked=marked, halves=halved())
    given = {} if before is None else {k: v for k, v in before._asdict().items() if v is not None}
    found = kernel({"left": left, "right": right} | given)
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


def find_weight_kernel(
    machine: Machine, rows: int, columns: int, *, shifted: bool, marked: bool, halves: bool
) -> Kernel:
    """The kernel that sums up products of two rows, for any number of places."""
    places = ("time", "batch")
    signature = Signature(
        (
            Argument("left", (*places, rows)),
            Argument("right", (*places, columns)),
            *([Argument("start", ("batch", columns))] if shifted else []),
            *([Argument("marks", places, dtype="int32"), Argument("fresh", (columns,))] if marked else []),
            Argument("gradient", (rows, columns), "out"),
            Argument("total", (rows,), "out"),
            *([Argument("copied", (DEPTH, columns), "scratch")] if marked else []),
            *([Argument("room", (room_for(rows, columns, machine.width),), "scratch")] if halves else []),
        )
    )

    def make() -> Made:
        module = new_module()
        function, named = new_function(module, signature)
        v = Vectors(ir.IRBuilder(function.append_basic_block()), machine.width)
        b, (left, right), marks = v.builder, (named["left"], named["right"]), named.get("marks")
        goals, fresh = (named["gradient"], named["total"], named.get("room")), None
        if marked:
            fresh = Fresh(named["fresh"], named["copied"])
        emitter = Summing(v, machine, rows, columns, *goals, fresh)
        emitter.clear()
        count = b.mul(named["time"], named["batch"])
        if shifted:
            # The first time's places go with `start`, and those after it with `right` from its beginning.
            emitter.add(left, named["start"], named["batch"], marks)
            left = v.at(left, b.mul(named["batch"], INDEX(rows)))
            marks = v.at(marks, named["batch"]) if marked else None
            count = b.sub(count, named["batch"])
        with b.if_then(b.icmp_unsigned("!=", count, INDEX(0))):
            emitter.add(left, right, count, marks)
        b.ret_void()
        return module, function, signature

    return find_kernel(("weight gradient", machine, rows, columns, shifted, marked, halves), make)


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
