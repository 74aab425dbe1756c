"""A whole sequence as one function: forward, and backward from its end; products and what is between them."""

from collections.abc import Callable

from llvmlite import ir

from charloop.engines.row_flags import IDLE, RESET
from charloop.kernels.compiler import new_function, new_module
from charloop.kernels.emitting.arguments import backward_signature, forward_signature, panels, to_result
from charloop.kernels.emitting.bfloat16 import emit_halves, row_words
from charloop.kernels.emitting.product import Operands, emit_product
from charloop.kernels.emitting.rows import Memory, Place, RowEmitter
from charloop.kernels.emitting.signature import Signature
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, clear, copy, counting, has_bit
from charloop.kernels.plan import Plan
from charloop.kernels.registry import Made

Target = Callable[[Place], Emitted]


class Sequence:
    """What both directions share: the arguments by name, and the address of a row of each."""

    def __init__(self, module: ir.Module, plan: Plan, signature: Signature) -> None:
        self.function, self.named = new_function(module, signature)
        builder = ir.IRBuilder(self.function.append_basic_block())
        self.v, self.plan = Vectors(builder, plan.machine.width), plan
        self.products = plan.programs.parts.products
        self.time, self.batch = self.named["time"], self.named["batch"]

    def row(self, name: str, size: int, row: Emitted, time: Emitted | None = None) -> Emitted:
        """The address of a batch row of `[batch, size]`, or of `[time, batch, size]` at a time."""
        if time is not None:
            row = self._place(row, time)
        return self.v.at(self.named[name], self.v.builder.mul(row, INDEX(size)))

    def _place(self, row: Emitted, time: Emitted) -> Emitted:
        return self.v.builder.add(self.v.builder.mul(time, self.batch), row)

    def left(self, size: int, source: Callable[[Emitted], Emitted]) -> Callable[[Emitted], Emitted]:
        """The rows that a product reads, of `size` numbers: as they are, or as halves made of them now."""
        if not self.plan.halves:
            return source
        target, words = self.named["halves"], row_words(size, self.v.width)
        emit_halves(self.v, self.batch, size, source, target)
        return lambda row: self.v.at(target, self.v.builder.mul(row, INDEX(words)))

    def source(self, number: int, row: Emitted, time: Emitted) -> Emitted:
        """A source's row: its own, which a sum may take the place of, or a table's, whose rows are never left."""
        name, columns = f"source {number}", self.plan.programs.sources[number]
        if not self.plan.table:
            (sum_of,) = (*(i for i, p in enumerate(self.products) if p.source == number), None)[:1]
            return self.row(name if sum_of is None else f"result {sum_of}", columns, row, time)
        character = self.v.character(self.named["characters"], self._place(row, time), self.named["rows"])
        return self.row(name, columns, character)

    def mark(self, bit: int, row: Emitted, time: Emitted) -> Emitted:
        """Whether a row has that mark at that time."""
        return has_bit(self.v, self.v.at(self.named["marks"], self._place(row, time)), bit)

    def before(self, part: int, row: Emitted, time: Emitted) -> Emitted:
        """The address of a part of the state before a tick: what the tick before wrote, or a beginning."""
        b, size = self.v.builder, self.plan.programs.widths[part]
        first = b.icmp_signed("==", time, INDEX(0))
        earlier = b.sub(b.select(first, INDEX(1), time), INDEX(1))
        start, later = self.row(f"start {part}", size, row), self.row(f"state {part}", size, row, earlier)
        found = b.select(first, start, later)
        if not self.plan.marked:
            return found
        return b.select(self.mark(RESET, row, time), self.named[f"fresh {part}"], found)

    def address(self, place: Place, row: Emitted, time: Emitted) -> Emitted:
        """Of what a program reads."""
        name, leaf, block = place
        kind, _, number = name.partition(" ")
        programs = self.plan.programs
        if kind == "own":
            found = self.named[f"own {leaf}"]
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
        adds: Callable[[Place], bool] = lambda _: False,
    ) -> None:
        """A program of one row at a time."""

        def lone(place: Place) -> bool:
            return place[0] == "own" and self.plan.programs.is_number(place[1])

        def address(place: Place) -> Emitted:
            return self.address(place, row, time)

        emitter.emit(Memory(address, target, adds, lone, self.named["buffer"]))

    def each_row(
        self, time: Emitted, tick: Callable[[Emitted], None], idle: Callable[[Emitted], None]
    ) -> None:
        """`tick(row)` for all rows; `idle(row)` in its stead for those that are marked so."""
        with counting(self.v.builder, self.batch) as row:
            if not self.plan.marked:
                tick(row)
                return
            with self.v.builder.if_else(self.mark(IDLE, row, time)) as (then, otherwise):
                with then:
                    idle(row)
                with otherwise:
                    tick(row)


def make_forward(plan: Plan) -> Made:
    """The results of all times (with the source, if the two are only added), and every state."""
    module, signature = new_module(), forward_signature(plan)
    s = Sequence(module, plan, signature)
    v, programs = s.v, plan.programs
    finish = RowEmitter(v, programs.forward, programs.hidden)
    operands = [None if p is None else RowEmitter(v, p, programs.hidden) for p in programs.operands]
    with counting(v.builder, s.time) as time:
        for number, emitter in enumerate(operands):
            emit_forward_product(s, number, emitter, time)
        emit_finish(s, finish, time)
    v.builder.ret_void()
    return module, s.function, signature


def emit_forward_product(s: Sequence, number: int, operand: RowEmitter | None, time: Emitted) -> None:
    """A product of all rows at a time, after what it multiplies."""
    programs, product = s.plan.programs, s.products[number]
    depth, columns, read = programs.depths[number], programs.columns[number], programs.parts.reads[number]

    def left(row: Emitted) -> Emitted:
        return s.row(f"operand {number}", depth, row, time) if read is None else s.before(read, row, time)

    def start(row: Emitted) -> Emitted:
        return s.named[f"bias {number}"] if product.source is None else s.source(product.source, row, time)

    if operand is not None:
        # For rows that are idle too: a gradient is a product with what is there.
        with counting(s.v.builder, s.batch) as row:
            s.emit(operand, row, time, lambda place: s.v.at(left(row), place[2] * programs.hidden))
    addresses = Operands(
        left=s.left(depth, left),
        start=start,
        target=lambda row: s.row(f"result {number}", columns, row, time),
        packed=s.named[f"packed {number}"],
        bias=None if product.source is None else s.named.get(f"bias {number}"),
    )
    emit_product(s.v, panels(s.plan, "forward", number), s.batch, addresses)


def emit_finish(s: Sequence, emitter: RowEmitter, time: Emitted) -> None:
    """The new state and the output of all rows at a time."""
    v, programs = s.v, s.plan.programs

    def state(part: int, row: Emitted) -> Emitted:
        return s.row(f"state {part}", programs.widths[part], row, time)

    def run(row: Emitted) -> None:
        def target(place: Place) -> Emitted:
            kind, leaf, block = place
            offset = block * programs.hidden
            if kind == "kept":
                return v.at(s.row(programs.last, programs.columns[-1], row, time), offset)
            part = programs.output_is if kind == "output" else leaf
            return (
                s.row("output", programs.hidden, row, time)
                if part is None
                else v.at(state(part, row), offset)
            )

        s.emit(emitter, row, time, target)

    def idle(row: Emitted) -> None:
        for part, size in enumerate(programs.widths):
            copy(s.v, s.before(part, row, time), state(part, row), size)
        if programs.output_is is None:
            clear(s.v, s.row("output", programs.hidden, row, time), programs.hidden)

    s.each_row(time, run, idle)


def make_backward(plan: Plan) -> Made:
    """The gradients of results, sources, the parameters' parts and the first state."""
    module, signature = new_module(), backward_signature(plan)
    s = Sequence(module, plan, signature)
    v, programs = s.v, plan.programs
    finish = RowEmitter(v, programs.backward, programs.hidden)
    operands = [None if p is None else RowEmitter(v, p, programs.hidden) for p in programs.operands_back]
    with counting(v.builder, s.time) as step:
        time = v.builder.sub(v.builder.sub(s.time, INDEX(1)), step)
        emit_finish_back(s, finish, time)
        for number in reversed(range(len(operands))):
            emit_backward_product(s, number, operands[number], time)
        if plan.marked:
            # Nothing goes back beyond a beginning.
            with counting(v.builder, s.batch) as row, v.builder.if_then(s.mark(RESET, row, time)):
                for part, size in enumerate(programs.widths):
                    clear(s.v, s.row(f"to_state {part}", size, row), size)
    v.builder.ret_void()
    return module, s.function, signature


def emit_finish_back(s: Sequence, emitter: RowEmitter, time: Emitted) -> None:
    """From the gradients of the new state and the output to those of what they were made of."""
    programs = s.plan.programs

    def idle(row: Emitted) -> None:
        for number, columns in enumerate(programs.columns):
            clear(s.v, s.row(to_result(s.plan, number), columns, row, time), columns)
        for number in programs.lone_sources:
            columns = programs.sources[number]
            clear(s.v, s.row(f"to_source {number}", columns, row, time), columns)

    def run(row: Emitted) -> None:
        s.emit(emitter, row, time, gradients(s, row, time), lambda place: place[0] == "own")

    s.each_row(time, run, idle)


def emit_backward_product(s: Sequence, number: int, operand: RowEmitter | None, time: Emitted) -> None:
    """From a result's gradient to its operand's, and to those of what that was made of."""
    programs = s.plan.programs
    depth, columns, read = programs.depths[number], programs.columns[number], programs.parts.reads[number]

    def left(row: Emitted) -> Emitted:
        return s.row(to_result(s.plan, number), columns, row, time)

    def carried(row: Emitted) -> Emitted:
        return s.row(f"to_operand {number}" if read is None else f"to_state {read}", depth, row)

    if read is None:
        with counting(s.v.builder, s.batch) as row:
            clear(s.v, carried(row), depth)
    addresses = Operands(s.left(columns, left), carried, carried, s.named[f"packed {number}"])
    emit_product(s.v, panels(s.plan, "backward", number), s.batch, addresses)
    if operand is not None:
        # Added to what the end of the step, and later products, have given.
        s.each_row(
            time,
            lambda row: s.emit(operand, row, time, gradients(s, row, time), lambda _: True),
            lambda _: None,
        )


def gradients(s: Sequence, row: Emitted, time: Emitted) -> Target:
    """Where a program of the way back writes."""
    v, programs = s.v, s.plan.programs

    def target(place: Place) -> Emitted:
        name, leaf, block = place
        kind, _, number = name.partition(" ")
        if kind == "own":
            found = s.named[f"to_own {leaf}"]
        elif kind == "state":
            found = s.row(f"to_state {leaf}", programs.widths[leaf], row)
        elif kind == "source":
            found = s.row(f"to_{name}", programs.sources[int(number)], row, time)
        else:
            columns = programs.columns[int(number)]
            found = s.row(to_result(s.plan, int(number)), columns, row, time)
        return v.at(found, block * programs.hidden)

    return target
