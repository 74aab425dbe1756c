"""Emit a program for one batch row: a sweep over the units for each phase, and whole-row scalars in between."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from charloop.kernels.emitting.functions import FUNCTIONS
from charloop.kernels.emitting.vectors import FLOAT, INDEX, INTEGER, Emitted, Vectors, each_vector
from charloop.kernels.tracing.program import REDUCTIONS, Phase, Program, Reference

Location = tuple[str, int, int]
COMBINE = {"reduce_sum": "add", "reduce_max": "max", "reduce_min": "min"}
NEUTRAL = {"reduce_sum": 0.0, "reduce_max": float("-inf"), "reduce_min": float("inf")}


@dataclass(frozen=True)
class Memory:
    """Where a row's inputs and results are: the address of unit 0 of each."""

    address: Callable[[Location], Emitted]
    target: Callable[[Location], Emitted]
    adds: Callable[[Location], bool]
    """Whether a result is added to the memory: a parameter's gradient, summed over all rows and time steps."""
    lone: Callable[[Location], bool]
    """Whether a result is a single number."""
    buffer: Emitted
    """Memory for the rows that wait between phases."""


class RowEmitter:
    """Emits `program` for a row of `hidden` units."""

    def __init__(self, v: Vectors, program: Program, hidden: int) -> None:
        self.v, self.program, self.hidden = v, program, hidden
        self.padded = -(-hidden // v.width) * v.width
        reductions = [r for r in program.needed if program.operations[r].name in REDUCTIONS]
        # LLVM turns what is allocated at the function's entry into registers.
        with v.builder.goto_entry_block():
            self.sums = {reference: v.builder.alloca(v.floats) for reference in reductions}
        self.waiting_at = {reference: index for index, reference in enumerate(program.buffered)}

    def emit(self, memory: Memory) -> None:
        """Emit all phases in order."""
        self.memory, self.numbers = memory, dict[Reference, Emitted]()
        for number, phase in enumerate(self.program.schedule):
            self._numbers(number)
            each_vector(self.v, self.hidden, partial(self._block, number, phase))
        builder = self.v.builder
        for location, reference in self.program.results.items():
            if memory.lone(location):
                target = memory.target(location)
                number = builder.extract_element(self.numbers[reference], INTEGER(0))
                total = builder.fadd(builder.load(target, typ=FLOAT, align=4), number)
                builder.store(total, target, align=4)

    def _numbers(self, phase: int) -> None:
        """Compute the scalars that are ready in this phase, and initialise the sums of the next."""
        for reference in self.program.needed:
            if reference in self.program.scalars and self.program.phases[reference] == phase:
                self.numbers[reference] = self._number(reference)
            operation = self.program.operations[reference]
            if operation.name in REDUCTIONS and self.program.phases[reference] == phase + 1:
                self.v.builder.store(self.v.splat(NEUTRAL[operation.name]), self.sums[reference])

    def _number(self, reference: Reference) -> Emitted:
        operation = self.program.operations[reference]
        if operation.name == "constant":
            return self.v.splat(operation.number)
        if operation.location is not None:
            return self.v.broadcast(self.memory.address(operation.location))
        if operation.name in REDUCTIONS:
            total = self.v.builder.load(self.sums[reference], typ=self.v.floats)
            return self.v.across(total, lambda a, b: FUNCTIONS[COMBINE[operation.name]](self.v, a, b))
        return FUNCTIONS[operation.name](self.v, *(self.numbers[i] for i in operation.inputs))

    def _block(self, number: int, phase: Phase, unit: Emitted, elements: int) -> None:
        """Emit one vector of units: everything is read and computed before anything is written."""
        made: dict[Reference, Emitted] = {}
        for root in phase.roots:
            self._value(root, phase, unit, elements, made)
        for reference, index in self.waiting_at.items():
            if reference in made and reference not in phase.read_back:
                self.v.store(made[reference], self._waiting(index, unit))
        if number < len(self.program.schedule) - 1:
            self._sum_up(number, made, elements)
            return
        for location, reference in self.program.results.items():
            if self.memory.lone(location):
                continue
            target, value = self.memory.target(location), made.get(reference, self.numbers.get(reference))
            target = self.v.at(target, unit)
            if self.memory.adds(location):
                value = self.v.builder.fadd(self.v.load(target, elements), value)
            self.v.store(value, target, elements)

    def _value(
        self, root: Reference, phase: Phase, unit: Emitted, elements: int, made: dict[Reference, Emitted]
    ) -> None:
        """Compute a row and its inputs in order, without recursion: a step may have thousands of operations."""
        waiting = [root]
        while waiting:
            reference = waiting[-1]
            read = reference in phase.read_back
            inputs = () if read else self.program.operations[reference].inputs
            missing = [i for i in inputs if i not in made and i not in self.program.scalars]
            if reference in self.program.scalars or reference in made:
                waiting.pop()
            elif missing:
                waiting.extend(reversed(missing))
            else:
                made[waiting.pop()] = self._make(reference, read, unit, elements, made)

    def _make(
        self, reference: Reference, read: bool, unit: Emitted, elements: int, made: dict[Reference, Emitted]
    ) -> Emitted:
        """Compute one row whose inputs exist."""
        operation = self.program.operations[reference]
        if read:
            return self.v.load(self._waiting(self.waiting_at[reference], unit))
        if operation.location is not None:
            return self.v.load(self.v.at(self.memory.address(operation.location), unit), elements)
        scalars = self.program.scalars
        inputs = (self.numbers[i] if i in scalars else made[i] for i in operation.inputs)
        return FUNCTIONS[operation.name](self.v, *inputs)

    def _waiting(self, index: int, unit: Emitted) -> Emitted:
        return self.v.at(self.memory.buffer, INDEX(index * self.padded), unit)

    def _sum_up(self, number: int, made: dict[Reference, Emitted], elements: int) -> None:
        """Add a vector to the reductions that complete in the next phase; elements beyond the row are neutral."""
        for reference, total in self.sums.items():
            if self.program.phases[reference] != number + 1:
                continue
            operation = self.program.operations[reference]
            (row,) = operation.inputs
            value = made[row] if row in made else self.numbers[row]
            if elements < self.v.width:
                value = self.v.choose(self.v.mask(elements), value, self.v.splat(NEUTRAL[operation.name]))
            before = self.v.builder.load(total, typ=self.v.floats)
            after = FUNCTIONS[COMBINE[operation.name]](self.v, before, value)
            self.v.builder.store(after, total)
