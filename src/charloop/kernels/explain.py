"""What a kernel makes of a cell, for a person who wrote one."""

from collections.abc import Iterable

from charloop.cells.base import Cell
from charloop.kernels.step_programs import Programs, programs_for
from charloop.kernels.tracing.program import DEAR, REDUCTIONS, Program


def explain(cell: Cell) -> list[str]:
    """A line for each direction, and one on the products; for a cell that has a kernel."""
    programs = programs_for(cell)
    before = [
        f"product {i}  of what takes {describe_program(made)}"
        for i, made in enumerate(programs.operands, 1)
        if made
    ]
    return [
        *before,
        f"forward   {describe_program(programs.forward)}",
        f"backward  {describe_program(programs.backward)}",
        f"keeps     {kept(programs)}",
    ]


def describe_program(program: Program) -> str:
    """How much there is to do at a tick, for each unit."""
    names = [program.operations[i].name for i in program.needed]
    rows = [program.operations[i].name for i in program.needed if i not in program.scalars]
    work = [name for name in rows if name != "input"]
    dear = {name: work.count(name) for name in sorted(DEAR) if name in work}
    words = ", ".join(f"{count} {name}" for name, count in dear.items())
    sweeps = len(program.schedule)
    parts = [f"{len(work)} operations a unit" + (f" ({words})" if words else "")]
    parts += [f"{sweeps} sweeps over the row, as {sums(names)}"] if sweeps > 1 else ["1 sweep"]
    parts += [f"{len(program.kept)} rows kept from sweep to sweep"] if program.kept else []
    return "; ".join(parts)


def sums(names: list[str]) -> str:
    """How many numbers of the whole row are needed."""
    count = sum(name in REDUCTIONS for name in names)
    return f"{count} sums over it must be known first" if count > 1 else "a sum over it must be known first"


def kept(programs: Programs) -> str:
    """What the way back is handed for each place of the text."""
    merged = bool(programs.parts.products) and all(p.source is not None for p in programs.parts.products)
    products = "the sum of both products" if merged else "the products"
    gates = programs.columns[-1] // programs.hidden if programs.columns else 0
    functions = listed(programs.kept.values()) if programs.kept else ""
    made = f" ({len(programs.kept)} of {gates} gates as {functions} made them)" if functions else ""
    return f"{products}{made} and the state for the way back, and makes everything else again from them"


def listed(names: Iterable[str]) -> str:
    """Each once: a, b and c."""
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last
