"""A step as a list of operations on rows: the tracer writes it, the emitter reads it.

A row holds one number per unit of the layer; a scalar is one number for the whole row, the result of a reduction. A
reduction is known only after a whole row has been read, so it ends a phase: an operation's phase is the number of
reductions it depends on.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from functools import cached_property

Reference = int
"""An operation's index in the list."""

REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min"}
EXPENSIVE = {"exp", "log", "tanh", "logistic", "erf", "div", "rsqrt", "sqrt"}
"""Operations that cost more to recompute than to store and load."""


@dataclass(frozen=True)
class Operation:
    """`name` applied to earlier operations; inputs and constants have no arguments."""

    name: str
    inputs: tuple[Reference, ...] = ()
    location: tuple[str, int, int] | None = None
    """Of an input: the argument, its leaf, and the row of the leaf."""
    number: float = 0.0
    """Of a constant."""
    scalar: bool = False
    """Of an input: one number instead of one per unit."""

    def is_scalar(self, scalars: Container[Reference]) -> bool:
        """Return whether it yields one number for the whole row; `scalars` holds the earlier ones that do."""
        lone = self.name in REDUCTIONS | {"constant"} or self.scalar
        return lone or (bool(self.inputs) and all(i in scalars for i in self.inputs))


@dataclass
class Program:
    """Operations in a computable order, and which of them are results."""

    operations: list[Operation] = field(default_factory=list)
    results: dict[tuple[str, int, int], Reference] = field(default_factory=dict)
    """By result, its leaf, and the row of the leaf."""

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
        """The operations that yield one number for the whole row."""
        found: set[Reference] = set()
        for reference in self.needed:
            if self.operations[reference].is_scalar(found):
                found.add(reference)
        return found

    @cached_property
    def phases(self) -> dict[Reference, int]:
        """The phase of each operation, from 0; a reduction belongs to the phase after the row it reduces."""
        found: dict[Reference, int] = {}
        for reference in self.needed:
            operation = self.operations[reference]
            before = max((found[i] for i in operation.inputs), default=0)
            found[reference] = before + (operation.name in REDUCTIONS)
        return found

    @cached_property
    def schedule(self) -> list["Phase"]:
        """What each phase reduces, reads back and leaves behind."""
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
        """Row operations over all phases, recomputed ones included."""
        return sum(phase.work for phase in self.schedule)

    @cached_property
    def buffered(self) -> list[Reference]:
        """Expensive rows that a later phase reads again: they wait in a buffer. Others are recomputed."""
        return sorted(set().union(*(phase.read_back for phase in self.schedule)))

    def _sums(self) -> dict[int, list[Reference]]:
        """By phase: the rows whose reductions complete in it."""
        found: dict[int, set[Reference]] = {}
        for reference in self.needed:
            operation = self.operations[reference]
            if operation.name in REDUCTIONS:
                found.setdefault(self.phases[reference], set()).add(operation.inputs[0])
        return {phase: sorted(rows) for phase, rows in found.items()}

    def _seen(self, roots: list[Reference], made: set[Reference]) -> set[Reference]:
        """Return the rows between `roots` and inputs or rows `made` before."""
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
    """What the phase is for: rows to reduce; in the last phase, the results."""
    read_back: set[Reference]
    """Expensive rows that an earlier phase computed."""
    work: int = 0
    """Operations that it computes or reads back."""
