"""Rewrite traced programs: save the results of functions for the backward pass, and drop results that are zero.

An LSTM's gradient reads `sigmoid(gate)` but never the gate. The forward kernel computes it anyway and writes it in
the place of the gate's sum, so the backward pass needs no exp and no further memory.
"""

from dataclasses import replace

from charloop.kernels.tracing.program import EXPENSIVE, Operation, Program, Reference

SavedFunctions = dict[int, str]
"""By row of the gates: the function whose result is saved."""


def choose_saved_functions(forward: Program, backward: Program, gates: str) -> SavedFunctions:
    """Return the function of each row of `gates`, a product's result, that is saved in its place.

    The backward pass must read only that one expensive function of the row, and the forward pass must compute it.
    """
    found = {}
    for row, reader in find_lone_readers(backward, gates).items():
        name = backward.operations[reader].name
        if name in EXPENSIVE and find_function_of(forward, gates, row, name) is not None:
            found[row] = name
    return found


def add_saved_results(forward: Program, saved: SavedFunctions, gates: str) -> Program:
    """Return the program with saved values among its results."""
    made = {("saved", 0, row): find_function_of(forward, gates, row, name) for row, name in saved.items()}
    there = {location: reference for location, reference in made.items() if reference is not None}
    return Program(forward.operations, forward.results | there)


def read_saved_results(backward: Program, saved: SavedFunctions, gates: str) -> Program:
    """Return the program with saved values among its inputs instead of the functions that computed them."""
    operations, readers = list(backward.operations), find_lone_readers(backward, gates)
    for row in saved:
        operations[readers[row]] = Operation("input", location=(gates, 0, row))
    return Program(operations, backward.results)


def find_lone_readers(program: Program, gates: str) -> dict[int, Reference]:
    """By row of the gates: the unary operation that is its only reader."""
    found, readers = {}, dict[Reference, list[Reference]]()
    for reference in program.needed:
        for read in set(program.operations[reference].inputs):
            readers.setdefault(read, []).append(reference)
    results = set(program.results.values())
    for reference in program.needed:
        location, by = program.operations[reference].location, readers.get(reference, [])
        if location is None or location[0] != gates or reference in results:
            continue
        if len(by) == 1 and len(program.operations[by[0]].inputs) == 1:
            found[location[2]] = by[0]
    return found


def find_function_of(program: Program, gates: str, row: int, name: str) -> Reference | None:
    """Return where `name` of a gate's row is computed, if it is."""
    for reference in program.needed:
        operation = program.operations[reference]
        locations = [program.operations[i].location for i in operation.inputs]
        if operation.name == name and locations == [(gates, 0, row)]:
            return reference
    return None


def drop_zero_results(program: Program) -> Program:
    """Return the program without results that are 0: they would be added to existing gradients."""

    def is_zero(reference: int) -> bool:
        operation = program.operations[reference]
        return operation.name == "constant" and operation.number == 0

    return replace(program, results={p: r for p, r in program.results.items() if not is_zero(r)})
