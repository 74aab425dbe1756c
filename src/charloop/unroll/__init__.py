"""The unrollings, ways to run a cell over time: one line each. All compute the same numbers."""

from collections.abc import Callable

import jax
from jaxtyping import Array

from charloop.cells.base import Cell
from charloop.engines.partition import reason_against_parts
from charloop.errors import unknown_name
from charloop.kernels import reason_against_bfloat16, reason_against_kernel
from charloop.types import State
from charloop.unroll.dynamic import dynamic
from charloop.unroll.fused import fused, xla
from charloop.unroll.inputs import LayerInput, Lookup, gather_features
from charloop.unroll.scan import scan
from charloop.unroll.static import static

Unrolling = Callable[..., tuple[State, Array]]

UNROLLINGS: dict[str, Unrolling] = {
    "static": static,
    "dynamic": dynamic,
    "scan": scan,
    "xla": xla,
    "fused": fused,
}


def find_unrolling(name: str) -> Unrolling:
    """Return the unrolling of that name. Raises CharloopError with the nearest name if there is none."""
    if name not in UNROLLINGS:
        raise unknown_name("unrolling", name, UNROLLINGS)
    return UNROLLINGS[name]


def choose_unrolling(name: str, cell: Cell) -> tuple[str, str | None]:
    """Return the unrolling that will run `cell`, and a line that says why, if it is not the requested one."""
    find_unrolling(name)
    trouble = reason_against_parts(cell) if name in ("fused", "xla") else None
    if trouble:
        return "scan", f"scan runs {type(cell).__name__}, which is slower: {trouble}"
    reason = reason_against_kernel(cell) if name == "fused" else None
    if reason:
        return "xla", f"{type(cell).__name__} has no kernel: {reason}; XLA's loop runs it, which is slower"
    return name, None


def reason_against_precision(precision: str, unrolling: str, cell: Cell) -> str | None:
    """Return why that unrolling of `cell` has no products in `precision` here, in words; None if it has."""
    if precision == "float32":
        return None
    name, _ = choose_unrolling(unrolling, cell)
    if jax.default_backend() == "cpu" and name != "fused" and unrolling != "fused":
        return f"on a CPU bfloat16 needs --unroll fused, not {unrolling}"
    return reason_against_bfloat16(cell)


__all__ = [
    "UNROLLINGS",
    "LayerInput",
    "Lookup",
    "choose_unrolling",
    "dynamic",
    "find_unrolling",
    "fused",
    "gather_features",
    "reason_against_precision",
    "scan",
    "static",
    "xla",
]
