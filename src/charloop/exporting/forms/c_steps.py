"""A layer's time step in C: a function of its input, its state and its output."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

import numpy as np

from charloop.exporting.lowering import UnitLoop, find_unit_loops
from charloop.exporting.matrix import Matrix
from charloop.exporting.network import ExportedLayer, ExportedProduct
from charloop.kernels.tracing.program import REDUCTIONS, Program, Reference

C = {
    "add": "{} + {}", "sub": "{} - {}", "mul": "{} * {}", "div": "{} / {}", "neg": "-{}", "square": "{0} * {0}",
    "max": "{0} > {1} || {0} != {0} ? {0} : {1}", "min": "{0} < {1} || {0} != {0} ? {0} : {1}",
    "abs": "{0} < 0 ? -{0} : {0}", "sign": "{0} > 0 ? 1 : {0} < 0 ? -1 : {0}",
    "exp": "exponential({})", "tanh": "tangent({})", "logistic": "sigmoid({})",
    "log": "logf({})", "erf": "erff({})", "sqrt": "sqrtf({})", "rsqrt": "1 / sqrtf({})",
    "lt": "{} < {}", "le": "{} <= {}", "gt": "{} > {}", "ge": "{} >= {}", "eq": "{} == {}", "ne": "{} != {}",
    "and": "{} != 0 && {} != 0", "or": "{} != 0 || {} != 0", "not": "{} == 0", "select_n": "{0} != 0 ? {2} : {1}",
    "to_float32": "{}", "to_bool": "{} != 0",
    "reduce_sum": "{0} + {1}", "reduce_max": "{0} > {1} ? {0} : {1}", "reduce_min": "{0} < {1} ? {0} : {1}",
}  # fmt: skip
"""An expression by operation. Every number is a float: false is 0, true 1."""
FIRST = {"reduce_sum": "0", "reduce_max": "-3.4e38f", "reduce_min": "3.4e38f"}
"""What a reduction begins with."""


class MatrixInC(Protocol):
    """A matrix that stands in the file."""

    def add_product(self, y: str, x: str) -> str:
        """Return the statement `y += matrix x`."""

    def add_column(self, y: str, token: str) -> str:
        """Return the statement that adds the column `token` to y."""


class ArraysInC(Protocol):
    """The constant arrays of the file."""

    def add(self, values: np.ndarray) -> str:
        """Add an array, and return its name."""

    def add_matrix(self, matrix: Matrix) -> MatrixInC:
        """Add a matrix, once."""


class CStep(NamedTuple):
    """The body of a layer's function, and sizes: floats of its state, and of its arrays on the stack."""

    body: str
    state: int
    scratch: int
    one_hot: bool


def spell_step(layer: ExportedLayer, arrays: ArraysInC, *, one_hot: bool) -> CStep:
    """Return the step of a layer whose input is `x`, or with `one_hot` the number `token`."""
    return StepSpeller(layer, arrays, one_hot=one_hot).spell()


class StepSpeller:
    """Writes the lines of one function."""

    def __init__(self, layer: ExportedLayer, arrays: ArraysInC, *, one_hot: bool) -> None:
        self.layer, self.arrays, self.one_hot = layer, arrays, one_hot
        self.offsets = np.cumsum([0, *(len(part) for part in layer.start)]).tolist()
        self.lines, self.scratch = list[str](), 0
        self.places: dict[str, str] = {}
        """Where the arrays of a program's inputs are, by the name of a location."""
        self.params: dict[int, str] = {}

    def spell(self) -> CStep:
        """Return the finished function."""
        layer = self.layer
        for number, made in enumerate(layer.sources):
            self._spell_source(f"s{number}", made)
            self.places[f"source {number}"] = f"s{number}"
        for number, product in enumerate(layer.products):
            self._spell_product(number, product)
        self._spell_program(layer.finish, self._locate_result)
        if not layer.sources:
            self.lines.append("(void)token;" if self.one_hot else "(void)x;")
        return CStep(indent(self.lines), self.offsets[-1], self.scratch, self.one_hot)

    def _declare(self, name: str, size: int) -> None:
        self.lines.append(f"float {name}[{size}];")
        self.scratch += size

    def _begin(self, name: str, size: int, bias: np.ndarray | None) -> None:
        self._declare(name, size)
        first = (
            f"clear({name}, {size});" if bias is None else f"copy({name}, {self.arrays.add(bias)}, {size});"
        )
        self.lines.append(first)

    def _spell_source(self, name: str, made: ExportedProduct | None) -> None:
        if made is None and self.one_hot:
            self._begin(name, self.layer.inputs, None)
            self.lines.append(f"{name}[token] = 1;")
        elif made is None:
            self._declare(name, self.layer.inputs)
            self.lines.append(f"copy({name}, x, {self.layer.inputs});")
        else:
            self._begin(name, made.weight.rows, made.bias)
            weight = self.arrays.add_matrix(made.weight)
            self.lines.append(
                weight.add_column(name, "token") if self.one_hot else weight.add_product(name, "x")
            )

    def _spell_product(self, number: int, product: ExportedProduct) -> None:
        hidden, operand = self.layer.hidden, product.operand
        if isinstance(operand, Program):
            x = f"o{number}"
            self._declare(x, hidden * len(operand.results))
            self._spell_program(operand, lambda location: self._index(x, location[2] * hidden))
        else:
            assert operand is not None
            x = f"state + {self.offsets[operand]}"
        size = product.weight.rows
        if product.source is None:
            name = f"r{number}"
            self._begin(name, size, product.bias)
        else:
            name = f"s{product.source}"
            if product.bias is not None:
                self.lines.append(f"add({name}, {self.arrays.add(product.bias)}, {size});")
        self.lines.append(self.arrays.add_matrix(product.weight).add_product(name, x))
        self.places[f"result {number}"] = name

    def _index(self, name: str, offset: int) -> str:
        return f"{name}[{offset} + i]" if offset else f"{name}[i]"

    def _locate_result(self, location: tuple[str, int, int]) -> str:
        name, leaf, row = location
        if name == "output":
            return "output[i]"
        return self._index("state", self.offsets[leaf] + row * self.layer.hidden)

    def _locate_input(self, location: tuple[str, int, int], *, scalar: bool) -> str:
        name, leaf, row = location
        offset = row * self.layer.hidden
        if name == "state":
            return self._index("state", self.offsets[leaf] + offset)
        if name == "param":
            if leaf not in self.params:
                self.params[leaf] = self.arrays.add(self.layer.params[leaf])
            return f"{self.params[leaf]}[0]" if scalar else self._index(self.params[leaf], offset)
        return self._index(self.places[name], offset)

    def _spell_program(self, program: Program, locate: "Locate") -> None:
        loops = find_unit_loops(program)
        self.lines.append("{")
        for loop in loops:
            last = loop is loops[-1]
            self._spell_loop(program, loop, {p: r for p, r in program.results.items() if last}, locate)
        self.lines.append("}")

    def _spell_loop(
        self,
        program: Program,
        loop: UnitLoop,
        results: Mapping[tuple[str, int, int], Reference],
        locate: "Locate",
    ) -> None:
        write = self.lines.append

        def spell(reference: Reference) -> str:
            operation = program.operations[reference]
            return spell_number(operation.number) if operation.name == "constant" else f"t{reference}"

        def define(reference: Reference) -> str:
            operation = program.operations[reference]
            if operation.location is not None:
                text = self._locate_input(operation.location, scalar=operation.scalar)
            else:
                text = C[operation.name].format(*map(spell, operation.inputs))
            return f"const float t{reference} = {text};"

        for reference in loop.numbers:
            write(define(reference))
        for reference in loop.kept:
            self._declare(f"k{reference}", self.layer.hidden)
        for reference in loop.sums:
            write(f"float t{reference} = {FIRST[program.operations[reference].name]};")
        write(f"for (int i = 0; i < {self.layer.hidden}; i++) {{")
        for reference in loop.rows:
            kept = reference in loop.read_back
            write(f"const float t{reference} = k{reference}[i];" if kept else define(reference))
        for reference in loop.kept:
            write(f"k{reference}[i] = t{reference};")
        for reference in loop.sums:
            operation = program.operations[reference]
            write(f"t{reference} = {C[operation.name].format(f't{reference}', spell(operation.inputs[0]))};")
        for place, reference in results.items():
            write(f"{locate(place)} = {spell(reference)};")
        write("}")


class Locate(Protocol):
    """Names where a result of a program is written."""

    def __call__(self, location: tuple[str, int, int], /) -> str:
        """Return the element of an array."""


def indent(lines: Iterable[str]) -> str:
    """Return the lines of a function's body, each as deep as its block."""
    made, depth = list[str](), 1
    for line in lines:
        depth -= line.startswith("}")
        made.append("    " * depth + line)
        depth += line.endswith("{")
    return "\n".join(made)


def spell_number(number: float) -> str:
    """Return a float constant."""
    value = float(np.float32(number))
    if not np.isfinite(value):
        return "NAN" if np.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
    return f"({value!r}f)" if value < 0 else f"{value!r}f"


assert FIRST.keys() == REDUCTIONS
