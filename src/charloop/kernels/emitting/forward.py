"""Emit the forward kernel of a layer: its products and the rest of its step, for all time steps."""

from charloop.kernels.compiler import EmittedKernel, emit_kernel
from charloop.kernels.emitting.arguments import choose_panels, forward_signature
from charloop.kernels.emitting.product import Operands, emit_product
from charloop.kernels.emitting.rows import Location, RowEmitter
from charloop.kernels.emitting.sequence import Sequence
from charloop.kernels.emitting.vectors import Emitted, Vectors, clear, copy, counting
from charloop.kernels.plan import Plan


def make_forward(plan: Plan) -> EmittedKernel:
    """Return the kernel that computes the results of all time steps (with the source if merged), and every state."""

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        s, programs = Sequence(v, named, plan), plan.programs
        finish = RowEmitter(v, programs.forward, programs.hidden)
        operands = [None if p is None else RowEmitter(v, p, programs.hidden) for p in programs.operands]
        with counting(v.builder, s.time) as time:
            for number, operand in enumerate(operands):
                emit_forward_product(s, number, operand, time)
            emit_finish(s, finish, time)

    return emit_kernel(forward_signature(plan), plan.machine.width, emit)


def emit_forward_product(s: Sequence, number: int, operand: RowEmitter | None, time: Emitted) -> None:
    """Emit a product for all batch rows at a time step, after its operand."""
    programs, product = s.plan.programs, s.products[number]
    depth, columns, read = programs.depths[number], programs.columns[number], programs.parts.reads[number]

    def left(row: Emitted) -> Emitted:
        return s.row(f"operand {number}", depth, row, time) if read is None else s.before(read, row, time)

    def start(row: Emitted) -> Emitted:
        return s.named[f"bias {number}"] if product.source is None else s.source(product.source, row, time)

    if operand is not None:
        # For idle rows too: the weight's gradient multiplies by whatever this memory contains.
        with counting(s.v.builder, s.batch) as row:
            s.emit(operand, row, time, lambda location: s.v.at(left(row), location[2] * programs.hidden))
    addresses = Operands(
        left=s.left(depth, left),
        start=start,
        target=lambda row: s.row(f"result {number}", columns, row, time),
        packed=s.named[f"packed {number}"],
        bias=None if product.source is None else s.named.get(f"bias {number}"),
    )
    emit_product(s.v, choose_panels(s.plan, "forward", number), s.batch, addresses)


def emit_finish(s: Sequence, emitter: RowEmitter, time: Emitted) -> None:
    """Emit the new state and the output of all batch rows at a time step."""
    v, programs = s.v, s.plan.programs

    def state(part: int, row: Emitted) -> Emitted:
        return s.row(f"state {part}", programs.widths[part], row, time)

    def run(row: Emitted) -> None:
        def target(location: Location) -> Emitted:
            kind, leaf, block = location
            offset = block * programs.hidden
            if kind == "saved":
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
