"""Emit a layer's backward kernel: the gradients of its step and products, from the last time step to the first."""

from charloop.engines.row_flags import RESET
from charloop.kernels.compiler import EmittedKernel, emit_kernel
from charloop.kernels.emitting.arguments import backward_signature, choose_panels, result_gradient_name
from charloop.kernels.emitting.product import Operands, emit_product
from charloop.kernels.emitting.rows import Location, RowEmitter
from charloop.kernels.emitting.sequence import Sequence, Target
from charloop.kernels.emitting.vectors import INDEX, Emitted, Vectors, clear, counting
from charloop.kernels.plan import Plan


def make_backward(plan: Plan) -> EmittedKernel:
    """Return the kernel that computes the gradients of results, sources, loop parameters and the first state."""

    def emit(v: Vectors, named: dict[str, Emitted]) -> None:
        s, programs = Sequence(v, named, plan), plan.programs
        finish = RowEmitter(v, programs.backward, programs.hidden)
        operands = [None if p is None else RowEmitter(v, p, programs.hidden) for p in programs.operands_back]
        with counting(v.builder, s.time) as step:
            time = v.builder.sub(v.builder.sub(s.time, INDEX(1)), step)
            emit_finish_back(s, finish, time)
            for number in reversed(range(len(operands))):
                emit_backward_product(s, number, operands[number], time)
            if plan.flagged:
                # No gradient passes a reset.
                with counting(v.builder, s.batch) as row, v.builder.if_then(s.flag(RESET, row, time)):
                    for part, size in enumerate(programs.widths):
                        clear(v, s.row(f"to_state {part}", size, row), size)

    return emit_kernel(backward_signature(plan), plan.machine.width, emit)


def emit_finish_back(s: Sequence, emitter: RowEmitter, time: Emitted) -> None:
    """Emit the gradients of a step's end: from the new state and the output to what they depend on."""
    programs = s.plan.programs

    def idle(row: Emitted) -> None:
        for number, columns in enumerate(programs.columns):
            clear(s.v, s.row(result_gradient_name(s.plan, number), columns, row, time), columns)
        for number in programs.lone_sources:
            columns = programs.sources[number]
            clear(s.v, s.row(f"to_source {number}", columns, row, time), columns)

    def run(row: Emitted) -> None:
        s.emit(emitter, row, time, gradients(s, row, time), lambda location: location[0] == "param")

    s.each_row(time, run, idle)


def emit_backward_product(s: Sequence, number: int, operand: RowEmitter | None, time: Emitted) -> None:
    """Emit an operand's gradient from its result's, and the gradients of what the operand depends on."""
    programs = s.plan.programs
    depth, columns, read = programs.depths[number], programs.columns[number], programs.parts.reads[number]

    def left(row: Emitted) -> Emitted:
        return s.row(result_gradient_name(s.plan, number), columns, row, time)

    def carried(row: Emitted) -> Emitted:
        return s.row(f"to_operand {number}" if read is None else f"to_state {read}", depth, row)

    if read is None:
        with counting(s.v.builder, s.batch) as row:
            clear(s.v, carried(row), depth)
    addresses = Operands(s.left(columns, left), carried, carried, s.named[f"packed {number}"])
    emit_product(s.v, choose_panels(s.plan, "backward", number), s.batch, addresses)
    if operand is not None:
        # Added to the gradients from the step's end and from later products.
        s.each_row(
            time,
            lambda row: s.emit(operand, row, time, gradients(s, row, time), lambda _: True),
            lambda _: None,
        )


def gradients(s: Sequence, row: Emitted, time: Emitted) -> Target:
    """Return the address of each gradient that a backward program writes."""
    v, programs = s.v, s.plan.programs

    def target(location: Location) -> Emitted:
        name, leaf, block = location
        kind, _, number = name.partition(" ")
        if kind == "param":
            found = s.named[f"to_param {leaf}"]
        elif kind == "state":
            found = s.row(f"to_state {leaf}", programs.widths[leaf], row)
        elif kind == "source":
            found = s.row(f"to_{name}", programs.sources[int(number)], row, time)
        else:
            columns = programs.columns[int(number)]
            found = s.row(result_gradient_name(s.plan, int(number)), columns, row, time)
        return v.at(found, block * programs.hidden)

    return target
