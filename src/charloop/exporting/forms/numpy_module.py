"""A network as one Python file that needs NumPy only: it writes and scores text."""

import base64
import json
from collections.abc import Mapping, Sequence

from charloop.exporting.content import Export
from charloop.exporting.network import ExportedLayer, ExportedProduct
from charloop.exporting.packing import Pack
from charloop.exporting.spelling import PYTHON, Location, spell
from charloop.exporting.tables import gather_tables, load_templates
from charloop.kernels.tracing.program import Program

NUMPY = PYTHON | {
    "max": "np.maximum({}, {})",
    "min": "np.minimum({}, {})",
    "abs": "np.abs({})",
    "sign": "np.sign({})",
    "square": "np.square({})",
    "exp": "np.exp({})",
    "log": "np.log({})",
    "tanh": "np.tanh({})",
    "sqrt": "np.sqrt({})",
    "rsqrt": "(1 / np.sqrt({}))",
    "logistic": "sigmoid({})",
    "erf": "erf({})",
    "select_n": "np.where({0}, {2}, {1})",
    "to_float32": "np.float32({})",
    "to_bool": "({} != 0)",
    "reduce_sum": "{}.sum()",
    "reduce_max": "{}.max()",
    "reduce_min": "{}.min()",
}


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return the Python file. Raises CharloopError for a cell whose step has no rule."""
    network, pack = export.network(), Pack()
    functions: dict[str, str] = {}
    layers = []
    for layer in network.layers:
        body = "\n    ".join(spell_step(layer))
        name = functions.setdefault(body, f"step_{len(functions)}")
        layers.append(f"({name}, {list_numbers(pack, layer)})")
    values = {
        "facts": ascii(json.dumps(export.facts)),
        "tables": ascii(json.dumps(gather_tables(network, export))),
        "functions": {name: body for body, name in functions.items()},
        "layers": ", ".join(layers),
        "labels": network.vocabulary.labels,
        "hidden": network.layers[0].hidden,
        "embedding": None if network.embedding is None else pack.add_matrix(network.embedding),
        "readout": pack.add_matrix(network.readout),
        "bias": pack.add(network.readout_bias),
        "reads_all": network.reads_all,
        "places": pack.places,
        "numbers": base64.b64encode(pack.content).decode(),
        "has_lone_input": any("dense(" in body for body in functions),
        "has_erf": any("erf(" in body for body in functions),
    }
    text = load_templates().get_template("numpy_module.py.jinja").render(values)
    return {f"{export.name}.py": text.encode()}


def list_numbers(pack: Pack, layer: ExportedLayer) -> list[list[int]]:
    """Return the numbers of a layer's arrays: its weights and biases, its parameters, and its first state."""
    made = [product for product in (*layer.sources, *layer.products) if product is not None]
    weights = [
        number
        for product in made
        for number in (
            pack.add_matrix(product.weight),
            *([] if product.bias is None else [pack.add(product.bias)]),
        )
    ]
    return [weights, [pack.add(part) for part in layer.params], [pack.add(part) for part in layer.start]]


def spell_step(layer: ExportedLayer) -> Sequence[str]:
    """Return the lines of a function of the input `x`, the state `h`, the weights `w` and the parameters `p`."""
    lines, weights = list[str](), iter(range(2 * (len(layer.sources) + len(layer.products))))

    def product(one: ExportedProduct, operand: str) -> str:
        weight = f"w[{next(weights)}]"
        bias = "" if one.bias is None else f" + w[{next(weights)}][0]"
        return f"product({weight}, {operand}){bias}"

    for number, made in enumerate(layer.sources):
        value = f"dense(x, {layer.inputs})" if made is None else product(made, "x")
        lines.append(f"s{number} = {value}")
    shape = f".reshape(-1, {layer.hidden})"
    merged = {one.source for one in layer.products}
    lines += [f"s{n} = s{n}{shape}" for n in range(len(layer.sources)) if n not in merged]
    for number, one in enumerate(layer.products):
        if isinstance(one.operand, Program):
            more, results = spell(one.operand, NUMPY, read_location)
            lines += more
            operand = join([results["operand", 0, row] for row in range(len(results))])
        else:
            operand = f"h[{one.operand}].reshape(-1)"
        source = "" if one.source is None else f" + s{one.source}"
        lines.append(f"r{number} = ({product(one, operand)}{source}){shape}")
    more, results = spell(layer.finish, NUMPY, read_location)
    parts = [
        f"rows({', '.join(results['new_state', leaf, row] for row in range(len(start) // layer.hidden))})"
        for leaf, start in enumerate(layer.start)
    ]
    return [*lines, *more, f"return {results['output', 0, 0]}, [{', '.join(parts)}]"]


def join(rows: Sequence[str]) -> str:
    """Return an expression for rows one after the other."""
    return rows[0] if len(rows) == 1 else f"np.concatenate([{', '.join(rows)}])"


def read_location(location: Location) -> str:
    """Return where the function finds an input of a program."""
    name, leaf, row = location
    kind, _, number = name.partition(" ")
    return {"source": f"s{number}", "result": f"r{number}", "state": f"h[{leaf}]", "param": f"p[{leaf}]"}[
        kind
    ] + f"[{row}]"
