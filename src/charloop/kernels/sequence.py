"""A whole sequence as one function: forward, and backward from its end; the product and the tick, time after time."""

from collections.abc import Callable

from llvmlite import ir

from charloop.kernels.compiler import new_function
from charloop.kernels.halves import emit_halves, row_words
from charloop.kernels.plan import Plan
from charloop.kernels.product import Operands, Panels, Tile, emit_product
from charloop.kernels.rows import Memory, Place, RowEmitter
from charloop.kernels.vectors import INDEX, Emitted, Vectors, counting


class Sequence:
    """What both directions share: the arguments by name, and the address of a row of each."""

    def __init__(self, module: ir.Module, plan: Plan, width: int, tile: Tile, names: list[str]) -> None:
        self.function = new_function(module, len(names))
        builder = ir.IRBuilder(self.function.append_basic_block())
        self.v, self.plan, self.width, self.tile = Vectors(builder, width), plan, width, tile
        self.pointers = dict(zip(names, self.function.args, strict=True))

    def row(self, name: str, size: int, row: Emitted, time: Emitted | None = None) -> Emitted:
        """The address of a batch row of `[batch, size]`, or of `[time, batch, size]` at a time."""
        if time is not None:
            row = self.v.builder.add(self.v.builder.mul(time, INDEX(self.plan.batch)), row)
        return self.v.at(self.pointers[name], self.v.builder.mul(row, INDEX(size)))

    def left(self, size: int, source: Callable[[Emitted], Emitted]) -> Callable[[Emitted], Emitted]:
        """The rows that a product reads, of `size` numbers: as they are, or as halves made of them now."""
        if not self.plan.halves:
            return source
        target, words = self.pointers["halves"], row_words(size, self.width)
        emit_halves(self.v, self.plan.batch, size, source, target)
        return lambda row: self.v.at(target, self.v.builder.mul(row, INDEX(words)))

    def from_input(self, row: Emitted, time: Emitted) -> Emitted:
        """The input's product: a row of its own, or of the table, whose rows are never left."""
        columns, b = self.plan.tick.columns, self.v.builder
        if not self.plan.table:
            return self.row(source_names(self.plan)[0], columns, row, time)
        place = b.add(b.mul(time, INDEX(self.plan.batch)), row)
        character = self.v.character(self.pointers["characters"], place, self.plan.table)
        return self.v.at(self.pointers["source"], b.mul(character, INDEX(columns)))

    def before(self, part: int, row: Emitted, time: Emitted) -> Emitted:
        """The address of a part of the state before a tick: what the tick before wrote, or the beginning."""
        b, size = self.v.builder, self.plan.tick.widths[part]
        first = b.icmp_signed("==", time, INDEX(0))
        earlier = b.sub(b.select(first, INDEX(1), time), INDEX(1))
        return b.select(
            first,
            self.row(f"start {part}", size, row),
            self.row(f"state {part}", size, row, earlier),
        )

    def inputs(self, place: Place, row: Emitted, time: Emitted) -> Emitted:
        """The address of one of the tick's inputs."""
        name, leaf, block = place
        offset = block * self.plan.tick.hidden
        if name == "own":
            return self.v.at(self.pointers[f"own {leaf}"], offset)
        if name == "from_input":
            return self.v.at(self.from_input(row, time), offset)
        if name == "from_state":
            return self.v.at(self.row("gates", self.plan.tick.columns, row, time), offset)
        return self.v.at(self.before(leaf, row, time), offset)


def own_names(plan: Plan) -> list[str]:
    """The tick's parameters, as arguments."""
    return [f"own {leaf}" for leaf in range(len(plan.tick.own))]


def source_names(plan: Plan) -> list[str]:
    """The input's products, as arguments: where the two are only added, their sum takes the place of the first."""
    if plan.table:
        return ["source", "characters"]
    return ["gates"] if plan.tick.adds else ["source"]


def parts(plan: Plan, name: str) -> list[str]:
    """An argument for each part of the state."""
    return [f"{name} {part}" for part in range(len(plan.tick.widths))]


def room_names(plan: Plan) -> list[str]:
    """Room to work in: rows that wait between sweeps, and what a product reads as halves."""
    return ["buffer", *(["halves"] if plan.halves else [])]


def forward_names(plan: Plan) -> tuple[list[str], list[str]]:
    """What goes into the forward function, and what comes out of it; what is in both is changed in place."""
    bias = ["bias"] if plan.bias or not plan.tick.adds else []
    inputs = [*source_names(plan), *own_names(plan), "packed", *bias, *parts(plan, "start")]
    outputs = ["gates", *parts(plan, "state"), *(["output"] if plan.tick.output_is is None else [])]
    return inputs, [*outputs, *room_names(plan)]


def emit_forward(module: ir.Module, plan: Plan, width: int, tile: Tile) -> ir.Function:
    """`from_state` of all times (with the input's product, if the two are only added), and every state."""
    inputs, outputs = forward_names(plan)
    s = Sequence(module, plan, width, tile, inputs + outputs)
    v, hidden = s.v, plan.tick.hidden
    emitter = RowEmitter(v, plan.tick.forward, hidden)
    panels = Panels(hidden, plan.tick.columns, width, tile, plan.halves)
    with counting(v.builder, plan.time) as time:
        operands = Operands(
            left=s.left(hidden, lambda row: s.before(plan.tick.recurrent, row, time)),
            start=lambda row: s.from_input(row, time) if plan.tick.adds else s.pointers["bias"],
            target=lambda row: s.row("gates", plan.tick.columns, row, time),
            packed=s.pointers["packed"],
            bias=s.pointers.get("bias") if plan.tick.adds else None,
        )
        emit_product(v, panels, plan.batch, operands)

        def target(place: Place) -> Emitted:
            kind, leaf, block = place
            if kind == "kept":
                return v.at(s.row("gates", plan.tick.columns, row, time), block * hidden)
            part = plan.tick.output_is if kind == "output" else leaf
            if part is None:
                return s.row("output", hidden, row, time)
            return v.at(s.row(f"state {part}", plan.tick.widths[part], row, time), block * hidden)

        with counting(v.builder, plan.batch) as row:
            emitter.emit(
                Memory(
                    address=lambda place: s.inputs(place, row, time),
                    target=target,
                    adds=lambda _: False,
                    lone=lambda _: False,
                    buffer=s.pointers["buffer"],
                )
            )
    v.builder.ret_void()
    return s.function


def backward_names(plan: Plan) -> tuple[list[str], list[str]]:
    """What goes into the backward function, and what comes out of it.

    The last of the inputs lie where the first of the outputs do: they are changed in place.
    """
    source = [] if plan.tick.adds else source_names(plan)
    inputs = [*source, *own_names(plan), "packed", *parts(plan, "start"), *parts(plan, "state"), "to_output"]
    changed = ["gates", *parts(plan, "to_state"), *[f"to_{name}" for name in own_names(plan)]]
    outputs = [*changed, *([] if plan.tick.adds else ["to_input"]), *room_names(plan)]
    return inputs, outputs


def emit_backward(module: ir.Module, plan: Plan, width: int, tile: Tile) -> ir.Function:
    """The gradients of products, tick's parameters and first state; gates become their gradients, in place."""
    inputs, outputs = backward_names(plan)
    s = Sequence(module, plan, width, tile, inputs + outputs)
    v, hidden = s.v, plan.tick.hidden
    emitter = RowEmitter(v, plan.tick.backward, hidden)
    panels = Panels(plan.tick.columns, hidden, width, tile, plan.halves)
    with counting(v.builder, plan.time) as step:
        time = v.builder.sub(INDEX(plan.time - 1), step)

        def address(place: Place) -> Emitted:
            kind, leaf, block = place
            if kind == "to_state":
                return v.at(s.row(f"to_state {leaf}", plan.tick.widths[leaf], row), block * hidden)
            if kind == "to_output":
                return s.row("to_output", hidden, row, time)
            return s.inputs(place, row, time)

        def target(place: Place) -> Emitted:
            kind, leaf, block = place
            if kind == "own":
                return v.at(s.pointers[f"to_own {leaf}"], block * hidden)
            if kind == "state":
                return v.at(s.row(f"to_state {leaf}", plan.tick.widths[leaf], row), block * hidden)
            array = "to_input" if kind == "from_input" else "gates"
            return v.at(s.row(array, plan.tick.columns, row, time), block * hidden)

        def lone(place: Place) -> bool:
            return place[0] == "own" and plan.tick.is_number(place[1])

        with counting(v.builder, plan.batch) as row:
            emitter.emit(Memory(address, target, lambda place: place[0] == "own", lone, s.pointers["buffer"]))

        def carried(row: Emitted) -> Emitted:
            return s.row(f"to_state {plan.tick.recurrent}", plan.tick.widths[plan.tick.recurrent], row)

        def gate(row: Emitted) -> Emitted:
            return s.row("gates", plan.tick.columns, row, time)

        left = s.left(plan.tick.columns, gate)
        emit_product(v, panels, plan.batch, Operands(left, carried, carried, s.pointers["packed"]))
    v.builder.ret_void()
    return s.function
