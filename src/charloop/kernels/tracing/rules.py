"""Rules from JAX's primitives to operations on rows; a cell that uses another primitive has no kernel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from charloop.kernels.tracing.program import Operation, Program, Reference


class NoRuleError(Exception):
    """Why a step cannot become a kernel, in words for the author of the cell."""


@dataclass(frozen=True)
class Value:
    """An array in the trace: the operations that compute it, one per row or number.

    `references` has the array's shape, except that the last axis of rows counts rows instead of units.
    """

    references: np.ndarray
    rows: bool

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> "Value":
        """Return the same kind of value, rearranged."""
        return Value(change(self.references), self.rows)


class Builder:
    """Builds a program; equal operations are added once."""

    def __init__(self, hidden: int) -> None:
        self.hidden, self.program = hidden, Program()
        self.scalars: set[Reference] = set()
        self._known: dict[Operation, Reference] = {}

    def add(self, operation: Operation) -> Reference:
        """Return the operation's reference; an existing one if an equal operation is there."""
        if operation not in self._known:
            self._known[operation] = reference = len(self.program.operations)
            self.program.operations.append(operation)
            if operation.is_scalar(self.scalars):
                self.scalars.add(reference)
        return self._known[operation]

    def constant(self, number: float) -> Reference:
        """Return a number that is the same for all units and time steps."""
        if number == 0 and np.signbit(number):
            # As a dictionary key, -0.0 equals 0.0.
            return self.add(Operation("neg", (self.constant(0.0),)))
        return self.add(Operation("constant", number=float(number)))

    def make(self, name: str, *inputs: Reference) -> Reference:
        """Return `name` of `inputs`; adding 0 or multiplying by 1 adds no operation."""
        if name == "to_float32" and self.program.operations[inputs[0]].name == "constant":
            return inputs[0]
        neutral = {"add": 0.0, "sub": 0.0, "mul": 1.0, "div": 1.0}.get(name)
        if neutral is not None and self._is_number(inputs[1], neutral):
            return inputs[0]
        if name in ("add", "mul") and self._is_number(inputs[0], neutral):
            return inputs[1]
        return self.add(Operation(name, inputs))

    def _is_number(self, reference: Reference, number: float | None) -> bool:
        operation = self.program.operations[reference]
        return operation.name == "constant" and operation.number == number

    def array(self, numbers: Any) -> Value:
        """Return a constant array: one number, or one for each row."""
        numbers = np.asarray(numbers)
        if numbers.dtype not in (np.float32, np.bool_, np.int32, np.float64, np.int64):
            raise NoRuleError(f"a constant of type {numbers.dtype} has no rule")
        if self.holds_rows(numbers.shape):
            by_row = numbers.reshape(*numbers.shape[:-1], -1, self.hidden)
            if not (by_row == by_row[..., :1]).all():
                raise NoRuleError("a constant that differs between units: make it a parameter")
            return Value(self.constants(by_row[..., 0]), rows=True)
        return Value(self.constants(numbers), rows=False)

    def constants(self, numbers: np.ndarray) -> np.ndarray:
        """Return a constant for each number; a boolean is made of 1 or 0."""
        made = [self.constant(float(n)) for n in numbers.flat]
        if numbers.dtype == bool:
            made = [self.make("to_bool", number) for number in made]
        return np.array(made, int).reshape(numbers.shape)

    def holds_rows(self, shape: Sequence[int]) -> bool:
        """Return whether the last axis runs over units."""
        return len(shape) > 0 and shape[-1] % self.hidden == 0

    def row_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape of `references` for an array of rows."""
        if not self.holds_rows(shape):
            raise NoRuleError(
                f"an array of shape {list(shape)}, whose last axis is not a multiple of the layer's units"
            )
        return (*shape[:-1], shape[-1] // self.hidden)


Rule = Callable[..., Value | list[Value]]
ELEMENTWISE = {
    "add", "sub", "mul", "div", "max", "min", "neg", "abs", "sign", "square", "exp", "log", "tanh", "logistic", "erf",
    "rsqrt", "sqrt", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not", "select_n",
}  # fmt: skip
IDENTITIES = {"copy", "copy_p", "name", "stop_gradient", "optimization_barrier", "pvary"}


def elementwise(builder: Builder, name: str, *values: Value) -> Value:
    """Apply an operation to each row; a scalar is broadcast."""
    references = np.broadcast_arrays(*(value.references for value in values))
    made = [
        builder.make(name, *map(int, inputs)) for inputs in zip(*(c.flat for c in references), strict=True)
    ]
    return Value(np.array(made, int).reshape(references[0].shape), any(value.rows for value in values))


def integer_power(builder: Builder, value: Value, y: int, **_: Any) -> Value:
    """Raise to an integer power by squaring; a negative power is the reciprocal."""
    if y == 0:
        return value.map(lambda references: np.full(references.shape, builder.constant(1.0)))
    power, base, left = None, value, abs(y)
    while left:
        if left % 2:
            power = base if power is None else elementwise(builder, "mul", power, base)
        base, left = elementwise(builder, "mul", base, base), left // 2
    assert power is not None
    one = Value(np.array(builder.constant(1.0)), rows=False)
    return power if y > 0 else elementwise(builder, "div", one, power)


def convert_dtype(builder: Builder, value: Value, new_dtype: Any, **_: Any) -> Value:
    """Convert between float32 and boolean; true becomes 1, false 0."""
    return elementwise(builder, "to_" + np.dtype(new_dtype).name, value)


def reduction(name: str, combine: str) -> Rule:
    """Reduce over the units, over the blocks before them, or both."""

    def rule(builder: Builder, value: Value, axes: Sequence[int], **_: Any) -> Value:
        references, rows = value.references, value.rows
        if rows and references.ndim - 1 in axes:
            by_row = [reduce_row(builder, name, int(row)) for row in references.flat]
            references, rows = np.array(by_row, int).reshape(references.shape), False
        for axis in sorted(axes, reverse=True):
            references = np.apply_along_axis(
                lambda line: reduce(lambda a, b: builder.make(combine, int(a), int(b)), line),
                axis,
                references,
            )
        return Value(np.asarray(references, int), rows)

    return rule


def reduce_row(builder: Builder, name: str, row: Reference) -> Reference:
    """Reduce over the units; a row may be one number, the same for each unit."""
    if row not in builder.scalars:
        return builder.make(name, row)
    return builder.make("mul", row, builder.constant(builder.hidden)) if name == "reduce_sum" else row


def broadcast(
    builder: Builder, value: Value, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any
) -> Value:
    """Broadcast to more blocks, or from numbers to rows."""
    rows = value.rows or (builder.holds_rows(shape) and (shape[-1] != 1 or builder.hidden == 1))
    kept = value.rows or (
        rows and len(shape) - 1 in broadcast_dimensions and value.references.shape[-1] == shape[-1] > 1
    )
    if rows and kept and not value.rows:
        raise NoRuleError("scalars of whole rows are used as a row")
    target = builder.row_shape(shape) if rows else tuple(shape)
    spread = np.ones(len(shape), int)
    for source, axis in enumerate(broadcast_dimensions):
        spread[axis] = value.references.shape[source]
    return Value(np.broadcast_to(value.references.reshape(spread), target).copy(), rows)


def reshape(builder: Builder, value: Value, to: Sequence[int]) -> Value:
    """Reshape; rows stay whole and in order."""
    return value.map(
        lambda references: references.reshape(builder.row_shape(to) if value.rows else tuple(to))
    )


def slices(
    builder: Builder,
    value: Value,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Any,
    **_: Any,
) -> Value:
    """Slice whole rows."""
    if strides is not None and set(strides) != {1}:
        raise NoRuleError("a slice with a stride has no rule")
    cut = [slice(a, b) for a, b in zip(start_indices, limit_indices, strict=True)]
    if value.rows:
        cut[-1] = slice(whole_rows(builder, start_indices[-1]), whole_rows(builder, limit_indices[-1]))
    return value.map(lambda references: references[tuple(cut)])


def split(builder: Builder, value: Value, sizes: Sequence[Any], axis: int) -> list[Value]:
    """Split into blocks of whole rows."""
    last = value.rows and axis == value.references.ndim - 1
    edges = [whole_rows(builder, edge) if last else edge for edge in np.cumsum(sizes)[:-1]]
    return [Value(piece, value.rows) for piece in np.split(value.references, edges, axis)]


def concatenate(_builder: Builder, *values: Value, dimension: int) -> Value:
    """Concatenate rows, or numbers."""
    if len({value.rows for value in values}) > 1:
        raise NoRuleError("rows and scalars are concatenated into one array")
    return Value(np.concatenate([value.references for value in values], dimension), values[0].rows)


def pad(builder: Builder, value: Value, filler: Value, padding_config: Any) -> Value:
    """Pad with whole rows of the filler: the gradient of a slice."""
    widths = [(int(low), int(high)) for low, high, inside in padding_config]
    if any(inside or low < 0 or high < 0 for low, high, inside in padding_config):
        raise NoRuleError("padding between elements and negative padding have no rule")
    if value.rows:
        widths[-1] = (whole_rows(builder, widths[-1][0]), whole_rows(builder, widths[-1][1]))
    return value.map(lambda references: np.pad(references, widths, constant_values=int(filler.references)))


def whole_rows(builder: Builder, units: Any) -> int:
    """Return how many rows a number of units spans."""
    if units % builder.hidden:
        raise NoRuleError("a slice through the middle of a gate's block")
    return int(units // builder.hidden)


RULES: dict[str, Rule] = {
    "integer_pow": integer_power,
    "convert_element_type": convert_dtype,
    "reduce_sum": reduction("reduce_sum", "add"),
    "reduce_max": reduction("reduce_max", "max"),
    "reduce_min": reduction("reduce_min", "min"),
    "broadcast_in_dim": broadcast,
    "slice": slices,
    "split": split,
    "concatenate": concatenate,
    "pad": pad,
}
RESHAPES = {"reshape", "squeeze", "expand_dims"}
"""Primitives that only change an array's shape."""
