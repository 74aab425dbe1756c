"""Gradients that are sums over all positions: of a weight matrix, and of the rows of a table.

XLA's library computes the first at half of the machine's peak rate if layers are small, and the second as a product
with a one-hot matrix.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from charloop.engines.row_flags import RowFlags
from charloop.kernels.compiler import emit_kernel
from charloop.kernels.emitting.outer_products import (
    BLOCK_POSITIONS,
    Fresh,
    OuterProductSum,
    count_workspace_words,
)
from charloop.kernels.emitting.signature import Argument, Signature
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting, each_vector
from charloop.kernels.machine import Machine
from charloop.kernels.registry import Kernel, find_kernel
from charloop.precision import is_bfloat16


class PreviousStates(NamedTuple):
    """The state before each position: the state of the time step before, or an initial one."""

    start: Float[Array, "batch columns"]
    """Before the first time step."""
    flags: RowFlags | None = None
    fresh: Float[Array, " columns"] | None = None
    """The state after a reset; present with flags."""


def sum_weight_gradient(
    machine: Machine,
    left: Float[Array, "time batch rows"],
    right: Float[Array, "time batch columns"],
    previous: PreviousStates | None = None,
) -> tuple[Float[Array, "rows columns"], Float[Array, " rows"]]:
    """Sum `left[position] right[position]ᵀ`, and `left[position]` (a bias's gradient).

    With `previous`, the right factor is the state before each of the states `right`.
    """
    rows, columns = left.shape[-1], right.shape[-1]
    shifted, flagged = previous is not None, previous is not None and previous.flags is not None
    kernel = find_weight_kernel(
        machine, rows, columns, shifted=shifted, flagged=flagged, bfloat16=is_bfloat16()
    )
    given = {} if previous is None else previous._asdict()
    found = kernel({"left": left, "right": right} | given)
    return found["gradient"], found["total"]


def sum_table_gradient(
    machine: Machine,
    values: Float[Array, "time batch columns"],
    characters: Int[Array, "time batch"],
    rows: int,
) -> Float[Array, "rows columns"]:
    """Sum `values` over the positions of each character."""
    columns = values.shape[-1]
    given = {"values": values, "characters": characters, "gradient": jnp.zeros((rows, columns))}
    return find_table_kernel(machine, columns)(given)["gradient"]


def find_weight_kernel(
    machine: Machine, rows: int, columns: int, *, shifted: bool, flagged: bool, bfloat16: bool
) -> Kernel:
    """Return the kernel that sums products of two rows over any number of positions."""
    positions, words = ("time", "batch"), count_workspace_words(rows, columns, machine.width)
    signature = Signature(
        (
            Argument("left", (*positions, rows)),
            Argument("right", (*positions, columns)),
            *([Argument("start", ("batch", columns))] if shifted else []),
            *(
                [Argument("flags", positions, dtype="int32"), Argument("fresh", (columns,))]
                if flagged
                else []
            ),
            Argument("gradient", (rows, columns), "out"),
            Argument("total", (rows,), "out"),
            *([Argument("copied", (BLOCK_POSITIONS, columns), "scratch")] if flagged else []),
            *([Argument("workspace", (words,), "scratch")] if bfloat16 else []),
        )
    )

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        b, (left, right), flags = v.builder, (named["left"], named["right"]), named.get("flags")
        goals, fresh = (named["gradient"], named["total"], named.get("workspace")), None
        if flagged:
            fresh = Fresh(named["fresh"], named["copied"])
        emitter = OuterProductSum(v, machine, rows, columns, *goals, fresh)
        emitter.clear()
        count = b.mul(named["time"], named["batch"])
        if shifted:
            # The first time step pairs with `start`, each later one with the element of `right` before it.
            emitter.add(left, named["start"], named["batch"], flags)
            left = v.at(left, b.mul(named["batch"], INDEX(rows)))
            flags = v.at(flags, named["batch"]) if flagged else None
            count = b.sub(count, named["batch"])
        with b.if_then(b.icmp_unsigned("!=", count, INDEX(0))):
            emitter.add(left, right, count, flags)

    key = ("weight gradient", machine, rows, columns, shifted, flagged, bfloat16)
    return find_kernel(key, lambda: emit_kernel(signature, machine.width, emit))


def find_table_kernel(machine: Machine, columns: int) -> Kernel:
    """Return the kernel that adds each position's row to its character's row."""
    signature = Signature(
        (
            Argument("values", ("time", "batch", columns)),
            Argument("characters", ("time", "batch"), dtype="int32"),
            Argument("gradient", ("rows", columns), "inout"),
        )
    )

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        b = v.builder
        with counting(b, b.mul(named["time"], named["batch"])) as position:
            character = v.character(named["characters"], position, named["rows"])
            source = v.at(named["values"], b.mul(position, INDEX(columns)))
            goal = v.at(named["gradient"], b.mul(character, INDEX(columns)))

            def add(column: Emitted, elements: int) -> None:
                here = v.at(goal, column)
                v.store(
                    b.fadd(v.load(here, elements), v.load(v.at(source, column), elements)), here, elements
                )

            each_vector(v, columns, add)

    return find_kernel(
        ("table gradient", machine, columns), lambda: emit_kernel(signature, machine.width, emit)
    )
