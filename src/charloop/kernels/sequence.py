"""A whole sequence as one function: forward, and backward from its end; the product and the tick, time after time."""

from collections.abc import Callable

from llvmlite import ir

from charloop.engines.marks import IDLE, RESET
from charloop.kernels.compiler import new_function, new_module
from charloop.kernels.halves import emit_halves, row_words
from charloop.kernels.plan import Plan
from charloop.kernels.product import Operands, Panels, emit_product
from charloop.kernels.registry import Made
from charloop.kernels.rows import Memory, Place, RowEmitter
from charloop.kernels.signature import Argument, Signature
from charloop.kernels.vectors import INDEX, INTEGER, Emitted, Vectors, counting, each_vector

PLACES = ("time", "batch")


def forward_signature(plan: Plan) -> Signature:
    """From the input's products and the first state to every state, the outputs, and what the way back needs.

    Where the two products are only added, their sum takes the place of the first.
    """
    tick, arguments = plan.tick, []
    in_place = tick.adds and not plan.table
    if plan.table:
        arguments += [Argument("source", ("rows", tick.columns))]
        arguments += [Argument("characters", PLACES, dtype="int32")]
    elif not in_place:
        arguments += [Argument("source", (*PLACES, tick.columns))]
    arguments += [*_own(plan), packed(plan, "forward")]
    if plan.bias or not tick.adds:
        arguments += [Argument("bias", (tick.columns,))]
    arguments += [*_state(plan, "start", "batch"), *_marks(plan)]
    arguments += [Argument("gates", (*PLACES, tick.columns), "inout" if in_place else "out")]
    arguments += _state(plan, "state", *PLACES, role="out")
    if tick.output_is is None:
        arguments += [Argument("output", (*PLACES, tick.hidden), "out")]
    return Signature((*arguments, *_room(plan, len(tick.forward.kept), tick.hidden)))


def backward_signature(plan: Plan) -> Signature:
    """From the gradients of what came out to those of what went in; gates become their gradients, in place."""
    tick, arguments = plan.tick, []
    if not tick.adds:
        shape = ("rows", tick.columns) if plan.table else (*PLACES, tick.columns)
        arguments += [Argument("source", shape)]
        arguments += [Argument("characters", PLACES, dtype="int32")] if plan.table else []
    arguments += [*_own(plan), packed(plan, "backward"), *_state(plan, "start", "batch"), *_marks(plan)]
    arguments += [*_state(plan, "state", *PLACES), Argument("to_output", (*PLACES, tick.hidden))]
    arguments += [Argument("gates", (*PLACES, tick.columns), "inout")]
    arguments += [*_state(plan, "to_state", "batch", role="inout"), *_own(plan, "to_own", "inout")]
    if not tick.adds:
        arguments += [Argument("to_input", (*PLACES, tick.columns), "out")]
    return Signature((*arguments, *_room(plan, len(tick.backward.kept), tick.columns)))


def panels(plan: Plan, direction: str) -> Panels:
    """How the kernel reads `weight_hh`: from units to gates on the way there, from gates to units on the way back."""
    ends = plan.tick.hidden, plan.tick.columns
    return Panels(*(ends if direction == "forward" else ends[::-1]), plan.machine, plan.halves)


def packed(plan: Plan, direction: str) -> Argument:
    """The matrix, as `panels` pack it."""
    laid = panels(plan, direction)
    return Argument("packed", (laid.packed,), dtype=laid.packed_type)


def _own(plan: Plan, name: str = "own", role: str = "in") -> list[Argument]:
    """An argument for each of the tick's parameters."""
    shapes = [shape for _, shape in plan.tick.own]
    return [Argument(f"{name} {i}", shape, role) for i, shape in enumerate(shapes)]  # type: ignore[arg-type]


def _state(plan: Plan, name: str, *axes: str, role: str = "in") -> list[Argument]:
    """An argument for each part of the state."""
    shapes = plan.tick.shapes
    return [Argument(f"{name} {i}", (*axes, *shape), role) for i, shape in enumerate(shapes)]  # type: ignore[arg-type]


def _marks(plan: Plan) -> list[Argument]:
    """Where there are marks: these, and the state that an emptied memory has."""
    return [Argument("marks", PLACES, dtype="int32"), *_state(plan, "fresh")] if plan.marked else []


def _room(plan: Plan, kept: int, read: int) -> list[Argument]:
    """Room for rows that wait between sweeps, and for the rows that a product reads, as bfloat16."""
    width = plan.machine.width
    found = [Argument("buffer", (max(1, kept) * -(-plan.tick.hidden // width) * width,), "scratch")]
    return found + ([Argument("halves", ("batch", row_words(read, width)), "scratch")] if plan.halves else [])


class Sequence:
    """What both directions share: the arguments by name, and the address of a row of each."""

    def __init__(self, module: ir.Module, plan: Plan, signature: Signature) -> None:
        self.function, self.named = new_function(module, signature)
        builder = ir.IRBuilder(self.function.append_basic_block())
        self.v, self.plan = Vectors(builder, plan.machine.width), plan
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

    def from_input(self, row: Emitted, time: Emitted) -> Emitted:
        """The input's product: a row of its own, or of the table, whose rows are never left."""
        columns = self.plan.tick.columns
        if not self.plan.table:
            return self.row("source" if "source" in self.named else "gates", columns, row, time)
        character = self.v.character(self.named["characters"], self._place(row, time), self.named["rows"])
        return self.row("source", columns, character)

    def mark(self, bit: int, row: Emitted, time: Emitted) -> Emitted:
        """Whether a row has that mark at that time."""
        b = self.v.builder
        mark = b.load(self.v.at(self.named["marks"], self._place(row, time)), typ=INTEGER, align=4)
        return b.icmp_unsigned("!=", b.and_(mark, INTEGER(bit)), INTEGER(0))

    def before(self, part: int, row: Emitted, time: Emitted) -> Emitted:
        """The address of a part of the state before a tick: what the tick before wrote, or a beginning."""
        b, size = self.v.builder, self.plan.tick.widths[part]
        first = b.icmp_signed("==", time, INDEX(0))
        earlier = b.sub(b.select(first, INDEX(1), time), INDEX(1))
        start, later = self.row(f"start {part}", size, row), self.row(f"state {part}", size, row, earlier)
        found = b.select(first, start, later)
        if not self.plan.marked:
            return found
        return b.select(self.mark(RESET, row, time), self.named[f"fresh {part}"], found)

    def inputs(self, place: Place, row: Emitted, time: Emitted) -> Emitted:
        """The address of one of the tick's inputs."""
        name, leaf, block = place
        offset = block * self.plan.tick.hidden
        if name == "own":
            return self.v.at(self.named[f"own {leaf}"], offset)
        if name == "from_input":
            return self.v.at(self.from_input(row, time), offset)
        if name == "from_state":
            return self.v.at(self.row("gates", self.plan.tick.columns, row, time), offset)
        return self.v.at(self.before(leaf, row, time), offset)

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

    def clear(self, target: Emitted, size: int) -> None:
        """Zeros in a row."""
        v = self.v
        each_vector(v, size, lambda place, lanes: v.store(v.splat(0.0), v.at(target, place), lanes))

    def copy(self, source: Emitted, target: Emitted, size: int) -> None:
        """A row as it is."""
        v = self.v
        each_vector(
            v,
            size,
            lambda place, lanes: v.store(v.load(v.at(source, place), lanes), v.at(target, place), lanes),
        )


def make_forward(plan: Plan) -> Made:
    """`from_state` of all times (with the input's product, if the two are only added), and every state."""
    module, signature = new_module(), forward_signature(plan)
    s = Sequence(module, plan, signature)
    v, tick, hidden = s.v, plan.tick, plan.tick.hidden
    emitter = RowEmitter(v, tick.forward, hidden)
    with counting(v.builder, s.time) as time:
        operands = Operands(
            left=s.left(hidden, lambda row: s.before(tick.recurrent, row, time)),
            start=lambda row: s.from_input(row, time) if tick.adds else s.named["bias"],
            target=lambda row: s.row("gates", tick.columns, row, time),
            packed=s.named["packed"],
            bias=s.named.get("bias") if tick.adds else None,
        )
        emit_product(v, panels(plan, "forward"), s.batch, operands)

        def state(part: int, row: Emitted) -> Emitted:
            return s.row(f"state {part}", tick.widths[part], row, time)

        def run(row: Emitted) -> None:
            def target(place: Place) -> Emitted:
                kind, leaf, block = place
                if kind == "kept":
                    return v.at(s.row("gates", tick.columns, row, time), block * hidden)
                part = tick.output_is if kind == "output" else leaf
                if part is None:
                    return s.row("output", hidden, row, time)
                return v.at(state(part, row), block * hidden)

            def address(place: Place) -> Emitted:
                return s.inputs(place, row, time)

            emitter.emit(Memory(address, target, lambda _: False, lambda _: False, s.named["buffer"]))

        def idle(row: Emitted) -> None:
            for part, size in enumerate(tick.widths):
                s.copy(s.before(part, row, time), state(part, row), size)
            if tick.output_is is None:
                s.clear(s.row("output", hidden, row, time), hidden)

        s.each_row(time, run, idle)
    v.builder.ret_void()
    return module, s.function, signature


def make_backward(plan: Plan) -> Made:
    """The gradients of products, tick's parameters and first state; gates become their gradients, in place."""
    module, signature = new_module(), backward_signature(plan)
    s = Sequence(module, plan, signature)
    v, tick, hidden = s.v, plan.tick, plan.tick.hidden
    emitter = RowEmitter(v, tick.backward, hidden)
    products = ("gates",) if tick.adds else ("gates", "to_input")
    with counting(v.builder, s.time) as step:
        time = v.builder.sub(v.builder.sub(s.time, INDEX(1)), step)

        def run(row: Emitted) -> None:
            def address(place: Place) -> Emitted:
                kind, leaf, block = place
                if kind == "to_state":
                    return v.at(s.row(f"to_state {leaf}", tick.widths[leaf], row), block * hidden)
                if kind == "to_output":
                    return s.row("to_output", hidden, row, time)
                return s.inputs(place, row, time)

            def target(place: Place) -> Emitted:
                kind, leaf, block = place
                if kind == "own":
                    return v.at(s.named[f"to_own {leaf}"], block * hidden)
                if kind == "state":
                    return v.at(s.row(f"to_state {leaf}", tick.widths[leaf], row), block * hidden)
                array = "to_input" if kind == "from_input" else "gates"
                return v.at(s.row(array, tick.columns, row, time), block * hidden)

            def lone(place: Place) -> bool:
                return place[0] == "own" and tick.is_number(place[1])

            emitter.emit(Memory(address, target, lambda place: place[0] == "own", lone, s.named["buffer"]))

        def idle(row: Emitted) -> None:
            for name in products:
                s.clear(s.row(name, tick.columns, row, time), tick.columns)

        s.each_row(time, run, idle)

        def carried(row: Emitted) -> Emitted:
            return s.row(f"to_state {tick.recurrent}", tick.widths[tick.recurrent], row)

        left = s.left(tick.columns, lambda row: s.row("gates", tick.columns, row, time))
        operands = Operands(left, carried, carried, s.named["packed"])
        emit_product(v, panels(plan, "backward"), s.batch, operands)
        if plan.marked:
            # Nothing goes back beyond a beginning.
            with counting(v.builder, s.batch) as row, v.builder.if_then(s.mark(RESET, row, time)):
                for part, size in enumerate(tick.widths):
                    s.clear(s.row(f"to_state {part}", size, row), size)
    v.builder.ret_void()
    return module, s.function, signature
