"""What the forward and the backward kernel share: the addresses of their arguments, and the loop over batch rows."""

from collections.abc import Callable

from charloop.engines.row_flags import IDLE, RESET
from charloop.kernels.emitting.bfloat16 import count_row_words, emit_bfloat16_rows
from charloop.kernels.emitting.rows import Location, Memory, RowEmitter
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, counting, has_bit
from charloop.kernels.plan import Plan

Target = Callable[[Location], Emitted]


class Sequence:
    """A sequence's kernel: its arguments by name, and the address of a row of each."""

    def __init__(self, v: Vectors, named: dict[str, Emitted], plan: Plan) -> None:
        self.v, self.named, self.plan = v, named, plan
        self.products = plan.programs.parts.products
        self.time, self.batch = named["time"], named["batch"]

    def row(self, name: str, size: int, row: Emitted, time: Emitted | None = None) -> Emitted:
        """Return the address of a batch row of `[batch, size]`, or of `[time, batch, size]` at a time step."""
        if time is not None:
            row = self._position(row, time)
        return self.v.at(self.named[name], self.v.builder.mul(row, INDEX(size)))

    def _position(self, row: Emitted, time: Emitted) -> Emitted:
        return self.v.builder.add(self.v.builder.mul(time, self.batch), row)

    def left(self, size: int, source: Callable[[Emitted], Emitted]) -> Callable[[Emitted], Emitted]:
        """Return the rows that a product reads, of `size` numbers: directly, or rounded to bfloat16 first."""
        if not self.plan.bfloat16:
            return source
        target, words = self.named["rounded"], count_row_words(size, self.v.width)
        emit_bfloat16_rows(self.v, self.batch, size, source, target)
        return lambda row: self.v.at(target, self.v.builder.mul(row, INDEX(words)))

    def source(self, number: int, row: Emitted, time: Emitted) -> Emitted:
        """Return a source's row: an element of its own array, which a sum may overwrite, or a row of a table, which
        is read only.
        """
        name, columns = f"source {number}", self.plan.programs.sources[number]
        if not self.plan.table:
            (sum_of,) = (*(i for i, p in enumerate(self.products) if p.source == number), None)[:1]
            return self.row(name if sum_of is None else f"result {sum_of}", columns, row, time)
        character = self.v.character(self.named["characters"], self._position(row, time), self.named["rows"])
        return self.row(name, columns, character)

    def flag(self, bit: int, row: Emitted, time: Emitted) -> Emitted:
        """Return whether a batch row has that flag at that time step."""
        return has_bit(self.v, self.v.at(self.named["flags"], self._position(row, time)), bit)

    def before(self, part: int, row: Emitted, time: Emitted) -> Emitted:
        """Return the address of a part of the state before a step: the previous step's, or an initial one."""
        b, size = self.v.builder, self.plan.programs.widths[part]
        first = b.icmp_signed("==", time, INDEX(0))
        earlier = b.sub(b.select(first, INDEX(1), time), INDEX(1))
        start, later = self.row(f"start {part}", size, row), self.row(f"state {part}", size, row, earlier)
        found = b.select(first, start, later)
        if not self.plan.flagged:
            return found
        return b.select(self.flag(RESET, row, time), self.named[f"fresh {part}"], found)

    def address(self, location: Location, row: Emitted, time: Emitted) -> Emitted:
        """Return the address of a program's input."""
        name, leaf, block = location
        kind, _, number = name.partition(" ")
        programs = self.plan.programs
        if kind == "param":
            found = self.named[f"param {leaf}"]
        elif kind == "source":
            found = self.source(int(number), row, time)
        elif kind == "result":
            found = self.row(name, programs.columns[int(number)], row, time)
        elif kind == "to_state":
            found = self.row(f"to_state {leaf}", programs.widths[leaf], row)
        elif kind == "to_output":
            found = self.row("to_output", programs.hidden, row, time)
        elif kind == "to_operand":
            found = self.row(name, programs.depths[int(number)], row)
        else:
            found = self.before(leaf, row, time)
        return self.v.at(found, block * programs.hidden)

    def emit(
        self,
        emitter: RowEmitter,
        row: Emitted,
        time: Emitted,
        target: Target,
        adds: Callable[[Location], bool] = lambda _: False,
    ) -> None:
        """Emit a program for one batch row; `target` and `adds` as in `Memory`."""
        memory = Memory(
            address=lambda location: self.address(location, row, time),
            target=target,
            adds=adds,
            lone=lambda location: location[0] == "param" and self.plan.programs.is_number(location[1]),
            buffer=self.named["buffer"],
        )
        emitter.emit(memory)

    def each_row(
        self, time: Emitted, step: Callable[[Emitted], None], idle: Callable[[Emitted], None]
    ) -> None:
        """Emit `step(row)` for all batch rows, and `idle(row)` instead for idle ones."""
        with counting(self.v.builder, self.batch) as row:
            if not self.plan.flagged:
                step(row)
                return
            with self.v.builder.if_else(self.flag(IDLE, row, time)) as (then, otherwise):
                with then:
                    idle(row)
                with otherwise:
                    step(row)
