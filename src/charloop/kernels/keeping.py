"""What the way back is handed in the place of a gate's sum: the dear function of it that is all it asks for.

An LSTM's gradient reads `sigmoid(gate)` and never the gate. The forward kernel has just made it, and writes it where
the sum stood: no more memory, and no exp on the way back.
"""

from charloop.kernels.program import DEAR, Operation, Program, Reference

Kept = dict[int, str]
"""By row of the gates: the function that is kept of it."""


def choose_kept(forward: Program, backward: Program) -> Kept:
    """The rows of which the way back reads one dear function and nothing else, and which the way there makes."""
    found = {}
    for row, reader in lone_readers(backward).items():
        name = backward.operations[reader].name
        if name in DEAR and made_of(forward, row, name) is not None:
            found[row] = name
    return found


def write_kept(forward: Program, kept: Kept) -> Program:
    """The program with what is kept among its results."""
    made = {("kept", 0, row): made_of(forward, row, name) for row, name in kept.items()}
    there = {place: reference for place, reference in made.items() if reference is not None}
    return Program(forward.operations, forward.results | there)


def read_kept(backward: Program, kept: Kept) -> Program:
    """The program with what is kept among its inputs, in the place of what made it."""
    operations, readers = list(backward.operations), lone_readers(backward)
    for row in kept:
        operations[readers[row]] = Operation("input", place=place_of(row))
    return Program(operations, backward.results)


def place_of(row: int) -> tuple[str, int, int]:
    """Where a gate's sum comes in."""
    return "from_state", 0, row


def lone_readers(program: Program) -> dict[int, Reference]:
    """By row of the gates: the operation of that row alone that is its only reader."""
    found, readers = {}, dict[Reference, list[Reference]]()
    for reference in program.needed:
        for read in set(program.operations[reference].inputs):
            readers.setdefault(read, []).append(reference)
    results = set(program.results.values())
    for reference in program.needed:
        place, by = program.operations[reference].place, readers.get(reference, [])
        if place is None or place != place_of(place[2]) or reference in results:
            continue
        if len(by) == 1 and len(program.operations[by[0]].inputs) == 1:
            found[place[2]] = by[0]
    return found


def made_of(program: Program, row: int, name: str) -> Reference | None:
    """Where `name` of a gate's row is made, if it is."""
    for reference in program.needed:
        operation = program.operations[reference]
        if operation.name == name and [program.operations[i].place for i in operation.inputs] == [
            place_of(row)
        ]:
            return reference
    return None
