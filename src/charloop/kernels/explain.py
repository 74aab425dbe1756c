"""Describe the kernel of a cell for the person who wrote the cell."""

from collections.abc import Iterable

from charloop.cells.base import Cell
from charloop.kernels.step_programs import StepPrograms, trace_cell
from charloop.kernels.tracing.program import EXPENSIVE, REDUCTIONS, Program


def explain_kernel(cell: Cell) -> list[str]:
    """Return a line for each direction and for the products, for a cell that has a kernel."""
    programs = trace_cell(cell)
    before = [
        f"product {i}  whose operand takes {describe_program(made)}"
        for i, made in enumerate(programs.operands, 1)
        if made
    ]
    return [
        *before,
        f"forward   {describe_program(programs.forward)}",
        f"backward  {describe_program(programs.backward)}",
        f"saves     {describe_saved(programs)}",
    ]


def describe_program(program: Program) -> str:
    """Describe the work of one time step, per unit."""
    names = [program.operations[i].name for i in program.needed]
    rows = [program.operations[i].name for i in program.needed if i not in program.scalars]
    work = [name for name in rows if name != "input"]
    expensive = {name: work.count(name) for name in sorted(EXPENSIVE) if name in work}
    words = ", ".join(f"{count} {name}" for name, count in expensive.items())
    sweeps = len(program.schedule)
    parts = [f"{len(work)} operations per unit" + (f" ({words})" if words else "")]
    parts += [f"{sweeps} sweeps over the row: {describe_reductions(names)}"] if sweeps > 1 else ["1 sweep"]
    parts += [f"{len(program.buffered)} rows buffered between sweeps"] if program.buffered else []
    return "; ".join(parts)


def describe_reductions(names: list[str]) -> str:
    """Say how many reductions over the whole row there are."""
    count = sum(name in REDUCTIONS for name in names)
    return f"{count} reductions over it come first" if count > 1 else "a reduction over it comes first"


def describe_saved(programs: StepPrograms) -> str:
    """Describe what the forward kernel saves at each position for the backward pass."""
    merged = bool(programs.parts.products) and all(p.source is not None for p in programs.parts.products)
    products = "the sum of both products" if merged else "the products"
    gates = programs.columns[-1] // programs.hidden if programs.columns else 0
    functions = join_names(programs.saved_functions.values()) if programs.saved_functions else ""
    made = f" ({len(programs.saved_functions)} of {gates} gates after {functions})" if functions else ""
    return f"{products}{made} and the state for the backward pass, which recomputes everything else from them"


def join_names(names: Iterable[str]) -> str:
    """Join distinct names: a, b and c."""
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last
