"""ONNX nodes: a graph that grows, and the programs of a step in it, operation by operation."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from charloop.exporting.matrix import Matrix
from charloop.exporting.spelling import Location
from charloop.kernels.tracing.program import Operation, Program, Reference

Name = str
"""Of a value in the graph."""
OPERATORS = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min", "neg": "Neg", "abs": "Abs",
    "sign": "Sign", "exp": "Exp", "log": "Log", "tanh": "Tanh", "logistic": "Sigmoid", "erf": "Erf", "sqrt": "Sqrt",
    "lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual", "eq": "Equal",
    "and": "And", "or": "Or", "not": "Not", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin",
}  # fmt: skip
"""By operation, where one operator does the same."""
TRUTHS = {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "to_bool"}
"""Operations whose result is true or false."""


class Constants:
    """The constant arrays of a model; equal ones are stored once."""

    def __init__(self) -> None:
        self.tensors: list[TensorProto] = []
        self._known: dict[tuple[Any, ...], Name] = {}

    def add(self, name: Name, values: Any) -> Name:
        """Return the name of an array with these values: `name`, unless there is one already."""
        values = np.ascontiguousarray(values)
        key = (values.dtype.str, values.shape, hashlib.sha256(values).digest())
        if key not in self._known:
            self._known[key] = name
            self.tensors.append(numpy_helper.from_array(values, name))
        return self._known[key]

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(len(tensor.raw_data) for tensor in self.tensors)


class Nodes:
    """The nodes of a graph, or of a loop's body in it, whose values have names that begin with `prefix`."""

    def __init__(self, constants: Constants, prefix: str = "") -> None:
        self.constants, self.prefix = constants, prefix
        self.made: list[onnx.NodeProto] = []

    def add(self, operator: str, *inputs: Name, **attributes: Any) -> Name:
        """Add a node with one result, and return its name."""
        return self.add_many(1, operator, *inputs, **attributes)[0]

    def add_many(self, count: int, operator: str, *inputs: Name, **attributes: Any) -> list[Name]:
        """Add a node with `count` results, and return their names."""
        name = f"{self.prefix}{operator.lower()}_{len(self.made)}"
        results = [name, *(f"{name}_{number}" for number in range(1, count))]
        self.made.append(helper.make_node(operator, inputs, results, name=name, **attributes))
        return results

    def number(self, number: float) -> Name:
        """Return a constant number."""
        return self.constants.add(f"number_{len(self.constants.tensors)}", np.array(number, np.float32))

    def integers(self, *numbers: int) -> Name:
        """Return a constant vector of integers, such as a shape."""
        return self.constants.add(f"integers_{len(self.constants.tensors)}", np.array(numbers, np.int64))

    def matrix(self, name: Name, matrix: Matrix, *, transposed: bool = False) -> Name:
        """Return a matrix, or its transpose.

        8-bit codes are converted by Cast and Mul, which onnxruntime computes once, when it loads the graph.
        DequantizeLinear would run in each call, or become a part of a product that rounds its input, too.
        """
        turn = np.transpose if transposed else np.asarray
        if matrix.codes is None or matrix.scales is None:
            return self.constants.add(name, turn(matrix.values))
        codes = self.constants.add(name, turn(matrix.codes))
        scales = self.constants.add(f"{name}_scales", turn(matrix.scales[:, None]))
        return self.add("Mul", self.add("Cast", codes, to=TensorProto.FLOAT), scales)

    def split(self, value: Name, count: int) -> list[Name]:
        """Split the last axis into `count` equal parts."""
        return [value] if count == 1 else self.add_many(count, "Split", value, axis=-1)

    def join(self, values: list[Name]) -> Name:
        """Join values along the last axis."""
        return values[0] if len(values) == 1 else self.add("Concat", *values, axis=-1)


class Operand(NamedTuple):
    """A value of a program in the graph."""

    name: Name
    has_batch: bool = False
    has_units: bool = False
    """Whether its first axis is that of batch rows, and its last that of units; or else one number for all."""


def add_program(
    nodes: Nodes, program: Program, read: Callable[[Location], Operand]
) -> dict[Location, Operand]:
    """Add the nodes of a program, and return its results; `read` returns what is at a location."""
    known, truths = dict[Reference, Operand](), set[Reference]()
    for reference in program.needed:
        operation = program.operations[reference]
        if operation.location is not None:
            known[reference] = read(operation.location)
            continue
        if operation.name == "constant":
            known[reference] = Operand(nodes.number(operation.number))
            continue
        if operation.name in TRUTHS or (operation.name == "select_n" and operation.inputs[1] in truths):
            truths.add(reference)
        inputs = [known[i] for i in operation.inputs]
        name = add_operation(nodes, operation, [row.name for row in inputs], is_truth=reference in truths)
        has_units = any(row.has_units for row in inputs) and not operation.name.startswith("reduce_")
        known[reference] = Operand(name, any(row.has_batch for row in inputs), has_units)
    return {location: known[reference] for location, reference in program.results.items()}


def add_operation(nodes: Nodes, operation: Operation, inputs: list[Name], *, is_truth: bool) -> Name:
    """Add the nodes of one operation."""
    match operation.name:
        case "square":
            return nodes.add("Mul", inputs[0], inputs[0])
        case "rsqrt":
            return nodes.add("Reciprocal", nodes.add("Sqrt", *inputs))
        case "ne":
            return nodes.add("Not", nodes.add("Equal", *inputs))
        case "to_float32":
            return nodes.add("Cast", *inputs, to=TensorProto.FLOAT)
        case "to_bool":
            return nodes.add("Cast", *inputs, to=TensorProto.BOOL)
        case "select_n" if is_truth:  # onnxruntime's Where knows no booleans
            chooser, no, yes = inputs
            kept = nodes.add("And", nodes.add("Not", chooser), no)
            return nodes.add("Or", nodes.add("And", chooser, yes), kept)
        case "select_n":
            return nodes.add("Where", inputs[0], inputs[2], inputs[1])
        case "reduce_sum":
            return nodes.add("ReduceSum", *inputs, nodes.integers(-1))
        case "reduce_max" | "reduce_min":
            return nodes.add(OPERATORS[operation.name], *inputs, axes=[-1])
        case name:
            return nodes.add(OPERATORS[name], *inputs)


def declare(name: Name, size: int | None) -> Any:
    """Return a float32 value `[batch, size]` of a body."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
