"""The network in JavaScript: the engine of the web page and of the module, and the data that it reads."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from charloop.exporting.content import Export
from charloop.exporting.lowering import UnitLoop, find_unit_loops
from charloop.exporting.network import ExportedLayer, ExportedProduct
from charloop.exporting.packing import Pack
from charloop.exporting.spelling import PYTHON, Location
from charloop.exporting.tables import gather_tables, load_templates
from charloop.kernels.tracing.program import Program, Reference

UNIT = "j"
SPELLINGS = PYTHON | {
    "eq": "{} === {}", "ne": "{} !== {}", "and": "{} && {}", "or": "{} || {}", "not": "!{}", "neg": "-({})",
    "max": "Math.max({}, {})", "min": "Math.min({}, {})", "abs": "Math.abs({})", "sign": "Math.sign({})",
    "square": "{0} * {0}", "exp": "Math.exp({})", "log": "Math.log({})", "tanh": "tanh({})", "sqrt": "Math.sqrt({})",
    "rsqrt": "1 / Math.sqrt({})", "logistic": "sigmoid({})", "erf": "erf({})", "select_n": "{0} ? {2} : {1}",
    "to_float32": "Number({})", "to_bool": "{} !== 0",
}  # fmt: skip
"""Of named operands: each operation becomes a statement."""
REDUCTIONS = {
    "reduce_sum": ("0", "{0} += {1};"),
    "reduce_max": ("-Infinity", "{0} = Math.max({0}, {1});"),
    "reduce_min": ("Infinity", "{0} = Math.min({0}, {1});"),
}
"""By operation: what it begins with, and how it takes in a unit's number."""


@dataclass(frozen=True)
class Script:
    """`code` defines `loadNetwork(data)`; `data` is for JSON, and its strings may hold any character."""

    code: str
    data: dict[str, Any]


def make_script(export: Export) -> Script:
    """Return the network as JavaScript. Raises CharloopError for a cell whose step has no rule."""
    network, pack = export.network(), Pack()
    functions: dict[str, str] = {}
    layers = []
    for layer in network.layers:
        body = "\n  ".join(spell_step(layer))
        name = functions.setdefault(body, f"step_{len(functions)}")
        layers.append(f"{{ step: {name}, {list_numbers(pack, layer)} }}")
    values = {
        "functions": functions,
        "layers": layers,
        "embedding": None if network.embedding is None else pack.add_matrix(network.embedding),
        "readout": pack.add_matrix(network.readout),
        "bias": pack.add(network.readout_bias),
        "reads_all": network.reads_all,
        "has_erf": any("erf(" in body for body in functions),
        "product": base64.b64encode(
            files("charloop.exporting.forms").joinpath("product.wasm").read_bytes()
        ).decode(),
    }
    code = load_templates().get_template("engine.js.jinja").render(values)
    data = {
        "facts": dict(export.facts),
        "tables": gather_tables(network, export),
        "places": pack.places,
        "numbers": base64.b64encode(pack.content).decode(),
    }
    return Script(code, data)


def list_numbers(pack: Pack, layer: ExportedLayer) -> str:
    """Return the numbers of a layer's arrays as fields of a JavaScript object."""
    merged = {one.source: one.bias for one in layer.products if one.source is not None}

    def pair(one: ExportedProduct, *biases: np.ndarray | None) -> str:
        found = [bias for bias in biases if bias is not None]
        bias = pack.add(np.sum(found, axis=0)) if found else "null"
        return f"[{pack.add_matrix(one.weight)}, {bias}]"

    sources = (
        "null" if one is None else pair(one, one.bias, merged.get(n)) for n, one in enumerate(layer.sources)
    )
    products = (pair(one, one.bias if one.source is None else None) for one in layer.products)
    fields = {
        "sources": sources,
        "products": products,
        "params": (str(pack.add(part)) for part in layer.params),
        "start": (str(pack.add(part)) for part in layer.start),
    }
    lists = ", ".join(f"{name}: [{', '.join(values)}]" for name, values in fields.items())
    kept = max(count_kept(program) for program in programs_of(layer))
    return f"hidden: {layer.hidden}, kept: {kept}, {lists}"


def programs_of(layer: ExportedLayer) -> list[Program]:
    """Return the programs of a layer's step, in order."""
    return [*(p.operand for p in layer.products if isinstance(p.operand, Program)), layer.finish]


def count_kept(program: Program) -> int:
    """Return how many rows wait for a later loop of the program."""
    return sum(len(loop.kept) for loop in find_unit_loops(program))


def spell_step(layer: ExportedLayer) -> Sequence[str]:
    """Return the lines of a function of the layer, its sources `s`, its state `h`, and `multiply`."""
    lines = ["const { products: m, params: p, kept: k, out } = layer;"]
    for number, one in enumerate(layer.products):
        start = f"m[{number}].bias" if one.source is None else f"s[{one.source}]"
        operand = f"h[{one.operand}]"
        if isinstance(one.operand, Program):
            operand = f"m[{number}].matrix.x"
            lines += ["{", *spell_loops(one.operand, layer.hidden, operand), "}"]
        lines.append(f"const r{number} = multiply(m[{number}].matrix, {operand}, {start});")
    return [*lines, *spell_loops(layer.finish, layer.hidden, "")]


def spell_loops(program: Program, hidden: int, operand: str) -> list[str]:
    """Return a program as statements; `operand` is the array of its results of that name."""
    loops, constants = find_unit_loops(program), [r for r in program.needed if is_constant(program, r)]
    lines = [f"const t{r} = {spell_number(program.operations[r].number)};" for r in constants]
    buffers = dict[Reference, str]()
    for number, loop in enumerate(loops):
        lines += [f"const t{r} = {spell_operation(program, r, hidden)};" for r in loop.numbers]
        lines += [f"let t{r} = {REDUCTIONS[program.operations[r].name][0]};" for r in loop.sums]
        body = spell_unit(program, loop, buffers, hidden)
        if number == len(loops) - 1:
            body += [
                f"{read_location((operand if name == 'operand' else name, leaf, row), hidden)} = t{reference};"
                for (name, leaf, row), reference in program.results.items()
            ]
        lines += [f"for (let {UNIT} = 0; {UNIT} < {hidden}; {UNIT}++) {{", *(f"  {one}" for one in body), "}"]
    return lines


def spell_unit(program: Program, loop: UnitLoop, buffers: dict[Reference, str], hidden: int) -> list[str]:
    """Return the statements for one unit; `buffers` has the kept rows, and gets those of this loop."""
    lines = [
        f"const t{r} = {buffers[r] if r in loop.read_back else spell_operation(program, r, hidden)};"
        for r in loop.rows
    ]
    for reference in loop.kept:
        buffers[reference] = f"k[{len(buffers)}][{UNIT}]"
        lines.append(f"{buffers[reference]} = t{reference};")
    for reference in loop.sums:
        operation = program.operations[reference]
        lines.append(REDUCTIONS[operation.name][1].format(f"t{reference}", f"t{operation.inputs[0]}"))
    return lines


def is_constant(program: Program, reference: Reference) -> bool:
    """Return whether it is a number known now."""
    return program.operations[reference].name == "constant"


def spell_operation(program: Program, reference: Reference, hidden: int) -> str:
    """Return the expression of an operation whose inputs have names."""
    operation = program.operations[reference]
    if operation.location is not None:
        return read_location(operation.location, hidden, number=operation.scalar)
    return SPELLINGS[operation.name].format(*(f"t{i}" for i in operation.inputs))


def read_location(location: Location, hidden: int, *, number: bool = False) -> str:
    """Return where a unit's number is, or a single number."""
    name, leaf, row = location
    kind, _, which = name.partition(" ")
    array = {
        "source": f"s[{which}]",
        "result": f"r{which}",
        "state": f"h[{leaf}]",
        "new_state": f"h[{leaf}]",
        "param": f"p[{leaf}]",
        "output": "out",
    }.get(kind, name)
    return f"{array}[{row if number else f'{UNIT} + {row * hidden}' if row else UNIT}]"


def spell_number(number: float) -> str:
    """Return a number as JavaScript writes it."""
    return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(number), repr(number))
