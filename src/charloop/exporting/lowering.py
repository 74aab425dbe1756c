"""A step's program in the order of a language with loops: loops over the units, and single numbers between them.

For each `UnitLoop`, in order: compute `numbers`; then, in a loop over the units, compute `rows`, keep those in
`kept`, and add up `sums`. The last loop writes the results of a unit after all its rows: they may replace the state.
"""

from dataclasses import dataclass

from charloop.kernels.tracing.program import REDUCTIONS, Program, Reference


@dataclass(frozen=True)
class UnitLoop:
    """One loop over the units of a layer, and what is computed before it. References are in a computable order."""

    numbers: tuple[Reference, ...]
    """Single numbers, computed before the loop: parameters, and what is made of sums of the loop before."""
    rows: tuple[Reference, ...]
    """One number per unit, computed in the loop; those in `read_back` are read from where they were kept."""
    read_back: frozenset[Reference]
    kept: tuple[Reference, ...]
    """Rows to keep for a later loop."""
    sums: tuple[Reference, ...]
    """Reductions of rows, complete after the loop."""


def find_unit_loops(program: Program) -> list[UnitLoop]:
    """Return the loops of a program, in order. Constants are in none of them; a reduction is in the `sums` of one."""
    found, made = [], set[Reference]()
    for number, phase in enumerate(program.schedule):
        rows = _find_rows(program, phase.roots, phase.read_back)
        kept = tuple(r for r in rows if r in program.buffered and r not in phase.read_back | made)
        made |= set(rows)
        numbers = (r for r in program.needed if r in program.scalars and program.phases[r] == number)
        sums = (r for r in program.needed if program.phases[r] == number + 1)
        found.append(
            UnitLoop(
                tuple(r for r in numbers if program.operations[r].name not in REDUCTIONS | {"constant"}),
                tuple(rows),
                frozenset(phase.read_back),
                kept,
                tuple(r for r in sums if program.operations[r].name in REDUCTIONS),
            )
        )
    return found


def _find_rows(program: Program, roots: list[Reference], read_back: set[Reference]) -> list[Reference]:
    """Return the rows that `roots` are made of, themselves included, back to those that are read back."""
    seen, waiting = set[Reference](), [r for r in roots if r not in program.scalars]
    while waiting:
        reference = waiting.pop()
        if reference not in seen:
            seen.add(reference)
            inputs = () if reference in read_back else program.operations[reference].inputs
            waiting.extend(i for i in inputs if i not in program.scalars)
    return sorted(seen)


def count_uses(program: Program) -> dict[Reference, int]:
    """Return how often each needed operation is read, by others and as a result."""
    uses = dict.fromkeys(program.needed, 0)
    for reference in (
        *program.results.values(),
        *(i for r in program.needed for i in program.operations[r].inputs),
    ):
        uses[reference] += 1
    return uses
