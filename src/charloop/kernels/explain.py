"""What a kernel makes of a cell, for a person who wrote one."""

from collections.abc import Iterable

from charloop.cells.base import Cell
from charloop.kernels.step_programs import StepPrograms, trace_cell
from charloop.kernels.tracing.program import EXPENSIVE, REDUCTIONS, Program


def explain_kernel(cell: Cell) -> list[str]:
    """A line for each direction, and one on the products; for a cell that has a kernel."""
    programs = trace_cell(cell)
    before = [
        f"product {i}  of what takes {describe_program(made)}"
        for i, made in enumerate(programs.operands, 1)
        if made
    ]
    return [
        *before,
        f"forward   {describe_program(programs.forward)}",
        f"backward  {describe_program(programs.backward)}",
        f"keeps     {describe_saved(programs)}",
    ]


def describe_program(program: Program) -> str:
    """How much there is to do at a tick, for each unit."""
    names = [program.operations[i].name for i in program.needed]
    rows = [program.operations[i].name for i in program.needed if i not in program.scalars]
    work = [name for name in rows if name != "input"]
    expensive = {name: work.count(name) for name in sorted(EXPENSIVE) if name in work}
    words = ", ".join(f"{count} {name}" for name, count in expensive.items())
    sweeps = len(program.schedule)
    parts = [f"{len(work)} operations a unit" + (f" ({words})" if words else "")]
    parts += [f"{sweeps} sweeps over the row, as {describe_reductions(names)}"] if sweeps > 1 else ["1 sweep"]
    parts += [f"{len(program.buffered)} rows kept from sweep to sweep"] if program.buffered else []
    return "; ".join(parts)


def describe_reductions(names: list[str]) -> str:
    """How many numbers of the whole row are needed."""
    count = sum(name in REDUCTIONS for name in names)
    return f"{count} sums over it must be known first" if count > 1 else "a sum over it must be known first"


def describe_saved(programs: StepPrograms) -> str:
    """What the way back is handed for each place of the text."""
    merged = bool(programs.parts.products) and all(p.source is not None for p in programs.parts.products)
    products = "the sum of both products" if merged else "the products"
    gates = programs.columns[-1] // programs.hidden if programs.columns else 0
    functions = join_names(programs.saved_functions.values()) if programs.saved_functions else ""
    made = (
        f" ({len(programs.saved_functions)} of {gates} gates as {functions} made them)" if functions else ""
    )
    return f"{products}{made} and the state for the way back, and makes everything else again from them"


def join_names(names: Iterable[str]) -> str:
    """Each once: a, b and c."""
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last
