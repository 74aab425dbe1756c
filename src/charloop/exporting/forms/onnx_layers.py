"""Layers in an ONNX graph: standard operators for the cells that have one, loops over time for the others."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from onnx import TensorProto, helper

from charloop.cells.gru import GRU, OriginalGRU
from charloop.cells.lstm import LSTM
from charloop.cells.rnn import RNN
from charloop.exporting.forms.onnx_nodes import Name, Nodes, Operand, add_program, declare
from charloop.exporting.matrix import Matrix
from charloop.exporting.network import ExportedLayer, ExportedProduct
from charloop.exporting.quantizing import as_codes
from charloop.exporting.spelling import Location
from charloop.kernels.tracing.program import Program


class StandardOperator(NamedTuple):
    """An operator that computes a cell."""

    operator: str
    blocks: tuple[int, ...]
    """The cell's blocks of rows in the operator's order."""
    attributes: Mapping[str, int]


STANDARD = {
    RNN: StandardOperator("RNN", (0,), {}),
    GRU: StandardOperator("GRU", (1, 0, 2), {"linear_before_reset": 1}),
    OriginalGRU: StandardOperator("GRU", (1, 0, 2), {"linear_before_reset": 0}),
    LSTM: StandardOperator("LSTM", (0, 3, 1, 2), {}),
}


class Reading:
    """What the network reads, in the graph: tokens `[time, batch]`, and with documents where a document ends."""

    def __init__(self, nodes: Nodes, tokens: Name, size: int, end: int | None) -> None:
        self.nodes, self.tokens, self.size, self.end = nodes, tokens, size, end

    @cached_property
    def one_hot(self) -> Name:
        """The tokens as `[time, batch, size]`."""
        values = self.nodes.constants.add("zero_and_one", np.array([0, 1], np.float32))
        return self.nodes.add("OneHot", self.tokens, self.nodes.integers(self.size), values)

    @cached_property
    def is_end(self) -> Name:
        """Whether a token is the end symbol: `[time, batch, 1]`."""
        end = self.nodes.constants.add("end", np.array(self.end, np.int64))
        found = self.nodes.add("Equal", self.tokens, end)
        return self.nodes.add("Unsqueeze", found, self.nodes.integers(-1))

    @cached_property
    def batch(self) -> Name:
        """The number of batch rows, as a vector."""
        return self.nodes.add("Shape", self.tokens, start=1)


def add_layer(
    nodes: Nodes,
    layer: ExportedLayer,
    label: str,
    reading: Reading,
    inputs: Name | None,
    state: Sequence[Name],
) -> tuple[Name, list[Name]]:
    """Add a layer, and return its output `[time, batch, hidden]` and its state after the last time step.

    `inputs` is `[time, batch, inputs]`, None for one-hot tokens; a part of the state is `[batch, size]`. The
    standard operators cannot empty the state within a text, so that a network of documents is a loop.
    """
    standard = STANDARD.get(type(layer.cell))
    if standard is None or reading.end is not None or getattr(layer.cell, "cap_input", False):
        return LayerLoop(nodes, layer, label, reading).add(inputs, state)
    return add_standard(nodes, standard, layer, label, inputs or reading.one_hot, state)


def add_standard(
    nodes: Nodes,
    standard: StandardOperator,
    layer: ExportedLayer,
    label: str,
    inputs: Name,
    state: Sequence[Name],
) -> tuple[Name, list[Name]]:
    """Add an operator that computes a whole layer."""
    is_rounded = layer.sources[0] is not None and layer.sources[0].weight.codes is not None

    def turn(values: np.ndarray) -> np.ndarray:
        return np.concatenate([np.split(values, len(standard.blocks))[block] for block in standard.blocks])

    def weight(name: str) -> Name:
        values = turn(layer.weights[name])
        found = nodes.matrix(f"{label}_{name}", as_codes(values) if is_rounded else Matrix(values))
        return nodes.add("Unsqueeze", found, nodes.integers(0))

    bias = np.concatenate([turn(layer.weights[name]) for name in ("bias_ih", "bias_hh")])
    before = [nodes.add("Unsqueeze", part, nodes.integers(0)) for part in reversed(state)]
    given = (
        inputs,
        weight("weight_ih"),
        weight("weight_hh"),
        nodes.constants.add(f"{label}_bias", bias[None]),
    )
    outputs, *after = nodes.add_many(
        1 + len(state),
        standard.operator,
        *given,
        "",
        *before,
        hidden_size=layer.hidden,
        **standard.attributes,
    )
    made = [nodes.add("Squeeze", part, nodes.integers(0)) for part in reversed(after)]
    return nodes.add("Squeeze", outputs, nodes.integers(1)), made


class LayerLoop:
    """A layer as a loop over time, whose body is the cell's step."""

    def __init__(self, nodes: Nodes, layer: ExportedLayer, label: str, reading: Reading) -> None:
        self.nodes, self.layer, self.label, self.reading = nodes, layer, label, reading
        self.body = Nodes(nodes.constants, f"{label}_")
        self.values: dict[tuple[str, int], Name] = {}
        """By kind and number: a source, a product's result, or a part of the state, in the body."""
        self.rows: dict[tuple[str, int], list[Name]] = {}
        """The same, as rows of `hidden` numbers, of those that a program reads."""

    def add(self, inputs: Name | None, state: Sequence[Name]) -> tuple[Name, list[Name]]:
        """Add the loop, and return its output and the last state."""
        layer, body, reading = self.layer, self.body, self.reading
        given = [self.add_source(number, inputs) for number in range(len(layer.sources))]
        given += [reading.is_end] if reading.end is not None else []
        declared = [declare(f"{self.label}_state_{n}", part.size) for n, part in enumerate(layer.start)]
        declared += [declare(f"{self.label}_in_{n}", None) for n in range(len(layer.sources))]
        names = [value.name for value in declared]
        if reading.end is not None:
            declared.append(
                helper.make_tensor_value_info(f"{self.label}_end", TensorProto.BOOL, ["batch", 1])
            )
        results = self.add_step(names[: len(state)], names[len(state) :])
        returned = [body.add("Identity", name) for name in results]
        sizes = [*(part.size for part in layer.start), layer.hidden]
        graph = helper.make_graph(body.made, f"{self.label}_step", declared, [*map(declare, returned, sizes)])
        *after, outputs = self.nodes.add_many(
            len(results), "Scan", *state, *given, body=graph, num_scan_inputs=len(given)
        )
        return outputs, after

    def add_source(self, number: int, inputs: Name | None) -> Name:
        """Return what is computed from the input for all time steps: `[time, batch, columns]`."""
        source = self.layer.sources[number]
        if source is None:
            return inputs or self.reading.one_hot
        weight = self.nodes.matrix(f"{self.label}_source_{number}", source.weight, transposed=True)
        if inputs is None:
            made = self.nodes.add("Gather", weight, self.reading.tokens)
        else:
            made = self.nodes.add("MatMul", inputs, weight)
        return self.add_bias(self.nodes, source, f"{self.label}_source_{number}", made)

    def add_step(self, state: Sequence[Name], sources: Sequence[Name]) -> list[Name]:
        """Add one time step to the body, and return the new state and the output."""
        layer, body = self.layer, self.body
        self.values |= {("source", number): source for number, source in enumerate(sources)}
        self.values |= {("state", number): self.empty(number, part) for number, part in enumerate(state)}
        for number, product in enumerate(layer.products):
            made = self.add_product(number, product)
            if product.source is not None:
                made = body.add("Add", made, sources[product.source])
            self.values["result", number] = made
        finish = self.add_rows(layer.finish)
        sizes = [part.size // layer.hidden for part in layer.start]
        after = [
            body.join([finish["new_state", leaf, row] for row in range(count)])
            for leaf, count in enumerate(sizes)
        ]
        return [*after, finish["output", 0, 0]]

    def empty(self, number: int, part: Name) -> Name:
        """Return a part of the state, which is the first state where a document ends."""
        if self.reading.end is None:
            return part
        start = self.nodes.constants.add(f"{self.label}_start_{number}", self.layer.start[number][None])
        return self.body.add("Where", f"{self.label}_end", start, part)

    def add_product(self, number: int, product: ExportedProduct) -> Name:
        """Add a product of the loop."""
        if isinstance(product.operand, Program):
            rows = self.add_rows(product.operand)
            operand = self.body.join([rows["operand", 0, row] for row in range(len(rows))])
        else:
            assert product.operand is not None
            operand = self.values["state", product.operand]
        weight = self.nodes.matrix(f"{self.label}_product_{number}", product.weight, transposed=True)
        made = self.body.add("MatMul", operand, weight)
        return self.add_bias(self.body, product, f"{self.label}_product_{number}", made)

    def add_bias(self, nodes: Nodes, product: ExportedProduct, name: str, made: Name) -> Name:
        """Return a product with its bias."""
        if product.bias is None:
            return made
        return nodes.add("Add", made, nodes.constants.add(f"{name}_bias", product.bias))

    def add_rows(self, program: Program) -> dict[Location, Name]:
        """Add a program to the body, and return its results, each `[batch, hidden]`."""
        made = add_program(self.body, program, self.read)
        return {location: self.fill(row) for location, row in made.items()}

    def fill(self, row: Operand) -> Name:
        """Return a value with both axes."""
        if row.has_batch and row.has_units:
            return row.name
        return self.body.add("Expand", row.name, self.row_shape)

    @cached_property
    def row_shape(self) -> Name:
        """The shape `[batch, hidden]`."""
        return self.nodes.add("Concat", self.reading.batch, self.nodes.integers(self.layer.hidden), axis=0)

    def split(self, kind: str, number: int) -> list[Name]:
        """Return the rows of a value."""
        if (kind, number) not in self.rows:
            count = self.count_numbers(kind, number) // self.layer.hidden
            self.rows[kind, number] = self.body.split(self.values[kind, number], count)
        return self.rows[kind, number]

    def count_numbers(self, kind: str, number: int) -> int:
        """Return how many numbers a value has for each batch row."""
        if kind == "state":
            return self.layer.start[number].size
        product = (self.layer.sources if kind == "source" else self.layer.products)[number]
        return self.layer.inputs if product is None else product.weight.rows

    def read(self, location: Location) -> Operand:
        """Return what a program reads."""
        kind, leaf, row = location
        kind, _, number = kind.partition(" ")
        if kind != "param":
            return Operand(self.split(kind, int(number or leaf))[row], has_batch=True, has_units=True)
        values = self.layer.params[leaf]
        is_row = values.size > 1 or self.layer.hidden == 1
        name = f"{self.label}_param_{leaf}_{row}"
        part = values.reshape(-1, self.layer.hidden)[row] if is_row else values
        return Operand(self.nodes.constants.add(name, part), has_units=is_row)
