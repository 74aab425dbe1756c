"""The arguments of a sequence's kernels, and the memory layout of each product's matrix."""

from collections.abc import Sequence

from charloop.kernels.emitting.bfloat16 import count_row_words
from charloop.kernels.emitting.product import Panels
from charloop.kernels.emitting.signature import Argument, Role, Signature
from charloop.kernels.plan import Plan
from charloop.kernels.tracing.program import Program

POSITIONS = ("time", "batch")


def forward_signature(plan: Plan) -> Signature:
    """Return the signature from the sources and the first state to all states, the outputs and what the backward pass
    needs.

    A product that is only added to a source is summed in the source's memory.
    """
    programs = plan.programs
    arguments = [
        *_sources(plan, [s for s in range(len(programs.sources)) if not _in_place(plan, s)]),
        *_params(plan),
    ]
    for number, product in enumerate(programs.parts.products):
        arguments += [packed_argument(plan, "forward", number)]
        if product.bias is not None or product.source is None:
            arguments += [Argument(f"bias {number}", (programs.columns[number],))]
    arguments += [*_state(plan, "start", "batch"), *_flags(plan)]
    for number, product in enumerate(programs.parts.products):
        role: Role = "inout" if product.source is not None and _in_place(plan, product.source) else "out"
        arguments += [Argument(f"result {number}", (*POSITIONS, programs.columns[number]), role)]
    arguments += _operands(plan, POSITIONS, "operand", "out")
    arguments += _state(plan, "state", *POSITIONS, role="out")
    if programs.output_is is None:
        arguments += [Argument("output", (*POSITIONS, programs.hidden), "out")]
    return Signature((*arguments, *_workspace(plan, (programs.forward, *programs.operands), programs.depths)))


def backward_signature(plan: Plan) -> Signature:
    """Return the signature from the gradients of the results to those of the arguments; the last result is
    overwritten.
    """
    programs = plan.programs
    arguments = [*_sources(plan, programs.lone_sources), *_params(plan)]
    arguments += [packed_argument(plan, "backward", number) for number in range(len(programs.columns))]
    arguments += [*_state(plan, "start", "batch"), *_flags(plan)]
    arguments += [*_state(plan, "state", *POSITIONS), Argument("to_output", (*POSITIONS, programs.hidden))]
    for number, columns in enumerate(programs.columns):
        is_last = result_gradient_name(plan, number) == f"result {number}"
        arguments += [Argument(f"result {number}", (*POSITIONS, columns), "inout" if is_last else "in")]
        arguments += (
            [] if is_last else [Argument(result_gradient_name(plan, number), (*POSITIONS, columns), "out")]
        )
    arguments += [*_state(plan, "to_state", "batch", role="inout"), *_params(plan, "to_param", "inout")]
    arguments += [
        Argument(f"to_source {number}", (*POSITIONS, programs.sources[number]), "out")
        for number in programs.lone_sources
    ]
    arguments += _operands(plan, ("batch",), "to_operand", "scratch")
    return Signature(
        (*arguments, *_workspace(plan, (programs.backward, *programs.operands_back), programs.columns))
    )


def result_gradient_name(plan: Plan, number: int) -> str:
    """Name the argument for a result's gradient: the last result's replaces that result, which nothing reads any
    more.
    """
    return f"{'' if number == len(plan.programs.columns) - 1 else 'to_'}result {number}"


def choose_panels(plan: Plan, direction: str, number: int) -> Panels:
    """Return the layout of a product's matrix: from operand to result forward, from result to operand backward."""
    ends = plan.programs.depths[number], plan.programs.columns[number]
    return Panels(*(ends if direction == "forward" else ends[::-1]), plan.machine, plan.bfloat16)


def packed_argument(plan: Plan, direction: str, number: int) -> Argument:
    """Return the argument for a matrix, as its panels pack it."""
    panels = choose_panels(plan, direction, number)
    return Argument(f"packed {number}", (panels.packed,), dtype=panels.packed_type)


def _in_place(plan: Plan, source: int) -> bool:
    """Return whether a source has its own array of positions, to which a product is added in place."""
    return plan.programs.parts.is_merged[source] and not plan.table


def _sources(plan: Plan, numbers: Sequence[int]) -> list[Argument]:
    """Return an argument for each of these sources, and the characters that index them."""
    rows = ("rows",) if plan.table else POSITIONS
    found = [Argument(f"source {number}", (*rows, plan.programs.sources[number])) for number in numbers]
    return found + ([Argument("characters", POSITIONS, dtype="int32")] if found and plan.table else [])


def _operands(plan: Plan, axes: tuple[str, ...], name: str, role: Role) -> list[Argument]:
    """Return an argument for each operand that is not a part of the state itself."""
    depths = zip(plan.programs.parts.reads, plan.programs.depths, strict=True)
    return [
        Argument(f"{name} {number}", (*axes, depth), role)
        for number, (read, depth) in enumerate(depths)
        if read is None
    ]


def _params(plan: Plan, name: str = "param", role: Role = "in") -> list[Argument]:
    """Return an argument for each of the loop's parameters."""
    shapes = [leaf.shape for leaf in plan.programs.loop_params]
    return [Argument(f"{name} {i}", shape, role) for i, shape in enumerate(shapes)]


def _state(plan: Plan, name: str, *axes: str, role: Role = "in") -> list[Argument]:
    """Return an argument for each part of the state."""
    shapes = plan.programs.shapes
    return [Argument(f"{name} {i}", (*axes, *shape), role) for i, shape in enumerate(shapes)]


def _flags(plan: Plan) -> list[Argument]:
    """Return the row flags and the state after a reset, if there are flags."""
    return [Argument("flags", POSITIONS, dtype="int32"), *_state(plan, "fresh")] if plan.flagged else []


def _workspace(plan: Plan, programs: Sequence[Program | None], read: Sequence[int]) -> list[Argument]:
    """Return scratch memory for rows that wait between sweeps, and for a product's rows rounded to bfloat16."""
    width = plan.machine.width
    buffered = max(len(program.buffered) for program in programs if program is not None)
    found = [Argument("buffer", (max(1, buffered) * -(-plan.programs.hidden // width) * width,), "scratch")]
    if plan.bfloat16 and read:
        found.append(
            Argument("rounded", ("batch", max(count_row_words(size, width) for size in read)), "scratch")
        )
    return found
