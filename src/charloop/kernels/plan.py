"""What a kernel is compiled for, and why a cell cannot have one. Batch size and length are run-time arguments."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

from charloop.cells.base import Cell
from charloop.engines.partition import reason_against_parts
from charloop.kernels.machine import Machine
from charloop.kernels.step_programs import StepPrograms, trace_cell
from charloop.kernels.tracing.rules import NoRuleError


@dataclass(frozen=True)
class Plan:
    """A layer's sequence on a machine: everything its machine code depends on."""

    programs: StepPrograms
    machine: Machine
    table: bool = False
    """Whether characters look the sources' rows up in tables; otherwise each position has its own row."""
    bfloat16: bool = False
    """Whether products are of bfloat16 numbers."""
    flagged: bool = False
    """Whether there are row flags: resets and lengths (`engines.row_flags`)."""


def reason_against_cell(cell: object) -> str | None:
    """Return why `cell` cannot have a kernel, in words; None if it can."""
    if not isinstance(cell, Cell):
        return f"{type(cell).__name__} is not a cell"
    return reason_against_parts(cell) or reason_against_programs(trace_cell(cell))


@cache
def reason_against_programs(programs: StepPrograms) -> str | None:
    """Return why these programs cannot become kernels, in words; None if they can."""
    every = attrgetter("operands", "operands_back", "forward", "backward")
    try:
        # In its own thread: inside `shard_map`, JAX would trace other operations, and the result is cached.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(every, programs).result()
    except NoRuleError as reason:
        return str(reason)
    return None
