"""Describe the kernel of a cell for the person who wrote the cell."""

from charloop.cells.base import Cell
from charloop.kernels.step_programs import StepPrograms, trace_cell
from charloop.kernels.tracing.program import EXPENSIVE, REDUCTIONS, Program


def explain_kernel(cell: Cell) -> list[str]:
    """Return a line for each direction and for the products, for a cell that has a kernel."""
    programs = trace_cell(cell)
    return [
        *(
            f"product {i}  whose operand takes {describe_program(made)}"
            for i, made in enumerate(programs.operands, 1)
            if made
        ),
        f"forward   {describe_program(programs.forward)}",
        f"backward  {describe_program(programs.backward)}",
        f"saves     {describe_saved(programs)}",
    ]


def describe_program(program: Program) -> str:
    """Describe the work of one time step, per unit."""
    reductions = sum(program.operations[i].name in REDUCTIONS for i in program.needed)
    before = f"{reductions} reductions over it come" if reductions > 1 else "a reduction over it comes"
    rows = [program.operations[i].name for i in program.needed if i not in program.scalars]
    work = [name for name in rows if name != "input"]
    expensive = {name: work.count(name) for name in sorted(EXPENSIVE) if name in work}
    words = ", ".join(f"{count} {name}" for name, count in expensive.items())
    sweeps = len(program.schedule)
    parts = [f"{len(work)} operations per unit" + (f" ({words})" if words else "")]
    parts += [f"{sweeps} sweeps over the row: {before} first"] if sweeps > 1 else ["1 sweep"]
    parts += [f"{len(program.buffered)} rows buffered between sweeps"] if program.buffered else []
    return "; ".join(parts)


def describe_saved(programs: StepPrograms) -> str:
    """Describe what the forward kernel saves at each position for the backward pass."""
    merged = bool(programs.parts.products) and all(p.source is not None for p in programs.parts.products)
    products = "the sum of both products" if merged else "the products"
    gates = programs.columns[-1] // programs.hidden if programs.columns else 0
    *first, last = dict.fromkeys(programs.saved_functions.values()) or [""]
    functions = f"{', '.join(first)} and {last}" if first else last
    made = f" ({len(programs.saved_functions)} of {gates} gates after {functions})" if functions else ""
    return f"{products}{made} and the state for the backward pass, which recomputes everything else from them"
