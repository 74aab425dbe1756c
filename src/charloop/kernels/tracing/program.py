"""A tick as a list of operations on rows: what tracing writes and emitting reads.

A row is one number for each unit of the layer; a scalar is one number for the whole row, made by a reduction. A
reduction can be used only when the whole row has been seen, so it ends a phase: an operation's phase is the number of
reductions that lie before it.
"""

from dataclasses import dataclass, field
from functools import cached_property

Reference = int
"""An operation by its place in the list."""

REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min"}
EXPENSIVE = {"exp", "log", "tanh", "logistic", "erf", "div", "rsqrt", "sqrt"}
"""What costs more to make again than to keep."""


@dataclass(frozen=True)
class Operation:
    """`name` applied to earlier operations; inputs and constants have none."""

    name: str
    inputs: tuple[Reference, ...] = ()
    location: tuple[str, int, int] | None = None
    """Of an input: which argument, which of its leaves, which row of the leaf."""
    number: float = 0.0
    """Of a constant."""
    scalar: bool = False
    """Of an input: one number, not one for each unit."""


@dataclass
class Program:
    """Operations in an order in which they can be made, and which of them are results."""

    operations: list[Operation] = field(default_factory=list)
    results: dict[tuple[str, int, int], Reference] = field(default_factory=dict)
    """By which result, which of its leaves, which row of the leaf."""

    @cached_property
    def needed(self) -> list[Reference]:
        """The operations that some result depends on, in order."""
        seen: set[Reference] = set()
        waiting = list(self.results.values())
        while waiting:
            reference = waiting.pop()
            if reference not in seen:
                seen.add(reference)
                waiting.extend(self.operations[reference].inputs)
        return sorted(seen)

    @cached_property
    def scalars(self) -> set[Reference]:
        """The operations that give one number for the whole row."""
        found: set[Reference] = set()
        for reference in self.needed:
            operation = self.operations[reference]
            made_of_scalars = bool(operation.inputs) and all(i in found for i in operation.inputs)
            lone = operation.name in REDUCTIONS | {"constant"} or operation.scalar
            if lone or made_of_scalars:
                found.add(reference)
        return found

    @cached_property
    def phases(self) -> dict[Reference, int]:
        """When each can be made, counted from 0; a reduction, in the phase after the row it sums up."""
        found: dict[Reference, int] = {}
        for reference in self.needed:
            operation = self.operations[reference]
            before = max((found[i] for i in operation.inputs), default=0)
            found[reference] = before + (operation.name in REDUCTIONS)
        return found

    @cached_property
    def schedule(self) -> list["Phase"]:
        """What each phase sums up, reads back and leaves behind."""
        last = max(self.phases.values(), default=0)
        phases, made = [], set[Reference]()
        sums = self._sums()
        for number in range(last + 1):
            roots = sums[number + 1] if number < last else list(self.results.values())
            seen = self._seen(roots, made)
            phases.append(Phase(roots, seen & made, len(seen)))
            made |= {r for r in seen if self.operations[r].name in EXPENSIVE}
        return phases

    @property
    def work(self) -> int:
        """Operations on rows over all phases, those made again counted again."""
        return sum(phase.work for phase in self.schedule)

    @cached_property
    def buffered(self) -> list[Reference]:
        """Rows that are dear and read again in a later phase: they wait in a buffer. Others are made again."""
        return sorted(set().union(*(phase.read_back for phase in self.schedule)))

    def _sums(self) -> dict[int, list[Reference]]:
        """By phase: the rows that the reductions ready in it sum up."""
        found: dict[int, set[Reference]] = {}
        for reference in self.needed:
            operation = self.operations[reference]
            if operation.name in REDUCTIONS:
                found.setdefault(self.phases[reference], set()).add(operation.inputs[0])
        return {phase: sorted(rows) for phase, rows in found.items()}

    def _seen(self, roots: list[Reference], made: set[Reference]) -> set[Reference]:
        """The rows looked at on the way from `roots` back to inputs, or to what was made before."""
        seen: set[Reference] = set()
        waiting = list(roots)
        while waiting:
            reference = waiting.pop()
            if reference in seen or reference in self.scalars:
                continue
            seen.add(reference)
            if reference not in made:
                waiting.extend(self.operations[reference].inputs)
        return seen


@dataclass(frozen=True)
class Phase:
    """One sweep over a row."""

    roots: list[Reference]
    """What it is there for: rows to be summed up at its end; in the last phase, the results."""
    read_back: set[Reference]
    """Dear rows that an earlier phase made."""
    work: int = 0
    """Operations that it makes, or reads back."""
