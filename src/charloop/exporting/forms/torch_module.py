"""A network as a folder for PyTorch: a module of Python, its weights in a safetensors file, and its vocabulary."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from safetensors.numpy import save

from charloop.exporting.content import Export
from charloop.exporting.network import ExportedLayer, ExportedNetwork, ExportedProduct
from charloop.exporting.spelling import PYTHON, Location, spell
from charloop.exporting.tables import gather_tables, load_templates
from charloop.kernels.tracing.program import Program
from charloop.recurrent.torch_weights import find_module

TORCH = PYTHON | {
    "max": "maximum({}, {})",
    "min": "minimum({}, {})",
    "abs": "torch.abs({})",
    "sign": "torch.sign({})",
    "square": "torch.square({})",
    "exp": "torch.exp({})",
    "log": "torch.log({})",
    "tanh": "torch.tanh({})",
    "sqrt": "torch.sqrt({})",
    "rsqrt": "torch.rsqrt({})",
    "logistic": "torch.sigmoid({})",
    "erf": "torch.erf({})",
    "select_n": "torch.where({0}, {2}, {1})",
    "to_float32": "torch.as_tensor({}).float()",
    "to_bool": "(torch.as_tensor({}) != 0)",
    "reduce_sum": "{}.sum(-1, keepdim=True)",
    "reduce_max": "{}.amax(-1, keepdim=True)",
    "reduce_min": "{}.amin(-1, keepdim=True)",
}


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return model.py, model.safetensors and model.json. Raises CharloopError for a cell whose step has no rule."""
    network, trained = export.network(), export.trained
    config, known = trained.model.config, network.vocabulary
    weights = {name: np.asarray(value) for name, value in trained.params.items()}
    module = "" if network.reads_all else find_module(trained.model.cell)
    if module:
        layers: dict[str, Any] = {
            "functions": {},
            "starts": [f"zeros({config.num_layers})"] * (1 + (module == "LSTM")),
        }
    else:
        layers, own = spell_layers(network)
        weights = {name: value for name, value in weights.items() if not name.startswith("rnn.")} | own
    code = (
        load_templates()
        .get_template("torch_module.py.jinja")
        .render(
            layers,
            module=module,
            count=config.num_layers,
            hidden=config.hidden_size,
            embed=config.embed_size,
            vocab=known.size,
            tied=config.tie_embedding,
            reads_all=network.reads_all,
            bytes=known.unit == "byte",
            documents=known.documents,
            first_label=known.label_ids.start,
        )
    )
    about = {"facts": export.facts, "tables": gather_tables(network, export)}
    return {
        "model.py": code.encode(),
        "model.safetensors": save(weights, {"format": "pt"}),
        "model.json": json.dumps(about, indent=1).encode(),
    }


def spell_layers(network: ExportedNetwork) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what the template says of layers whose cell torch.nn does not have, and what their steps read."""
    functions: dict[str, str] = {}
    layers, starts, weights = list[str](), list[str](), dict[str, np.ndarray]()
    for number, layer in enumerate(network.layers):
        names = Names(layer)
        body = "\n    ".join(spell_step(layer, names))
        layers.append(f"({functions.setdefault(body, f'step_{len(functions)}')}, {len(layer.start)})")
        for part, start in enumerate(layer.start):
            if start.any():
                names.used[f"start_{part}"] = start
                starts.append(f'start("start_{part}_l{number}")')
            else:
                starts.append(f"zeros({len(start) // layer.hidden})")
        weights |= {f"rnn.{name}_l{number}": value for name, value in names.used.items()}
    code = "".join([*functions, *starts])
    uses = {f"has_{name}": f"{call}(" in code for name, call in HELPERS.items()}
    return uses | {
        "functions": {n: b for b, n in functions.items()},
        "layers": layers,
        "starts": starts,
    }, weights


HELPERS = {"extremes": "imum", "flat": "flat", "start": "start"}
"""Functions of the template that only some steps call, by what a call of one has in it."""


class Names:
    """Names the arrays that a step reads: those of the cell's parameters, and of what is computed from them alone."""

    def __init__(self, layer: ExportedLayer) -> None:
        self.weights = layer.weights
        self.used: dict[str, np.ndarray] = {}

    def find(self, array: np.ndarray) -> str:
        """Return how the step's function names an array."""
        # torch.nn takes no name with a dot.
        known = (name for name, value in self.weights.items() if value.size == array.size and "." not in name)
        name = next((name for name in known if np.shares_memory(self.weights[name], array)), "")
        name = name or f"computed_{len(self.used)}"
        self.used[name] = np.ascontiguousarray(self.weights.get(name, array))
        return f"w[{name!a}]"


def spell_step(layer: ExportedLayer, names: Names) -> Sequence[str]:
    """Return the lines of a function of the input `x`, the state `h` and the weights `w`."""

    def product(one: ExportedProduct, operand: str) -> str:
        bias = "" if one.bias is None else f", {names.find(one.bias)}"
        return f"F.linear({operand}, {names.find(one.weight.values)}{bias})"

    lines = [f"none = x.new_zeros(len(x), {layer.hidden})"]
    merged = {one.source for one in layer.products}
    for number, made in enumerate(layer.sources):
        value = "x" if made is None else product(made, "x")
        lines.append(f"s{number} = {value if number in merged else f'rows({value})'}")
    params = [
        f"{names.find(param)}.{'reshape(1)' if param.size == 1 else 'flatten()'}" for param in layer.params
    ]
    params = [value if value.endswith("(1)") else f"rows({value})" for value in params]
    if params:
        lines.append(f"{', '.join(f'p{n}' for n in range(len(params)))} = {', '.join(params)}")
    for number, one in enumerate(layer.products):
        if isinstance(one.operand, Program):
            more, results = spell(one.operand, TORCH, read_location)
            lines += more
            operand = join([results["operand", 0, row] for row in range(len(results))])
        else:
            state = f"h[{one.operand}]"
            operand = (
                f"{state}[0]" if len(layer.start[one.operand or 0]) == layer.hidden else f"flat({state})"
            )
        source = "" if one.source is None else f" + s{one.source}"
        lines.append(f"r{number} = rows({product(one, operand)}{source})")
    more, results = spell(layer.finish, TORCH, read_location)
    parts = [
        stack([results["new_state", leaf, row] for row in range(len(start) // layer.hidden)])
        for leaf, start in enumerate(layer.start)
    ]
    return [*lines, *more, f"return none + {results['output', 0, 0]}, [{', '.join(parts)}]"]


def stack(rows: Sequence[str]) -> str:
    """Return an expression for a part of the state; each row is added to zeros, because it may be one number."""
    return f"torch.stack([{', '.join(f'none + {row}' for row in rows)}])"


def join(rows: Sequence[str]) -> str:
    """Return an expression for rows one after the other."""
    return (
        f"none + {rows[0]}"
        if len(rows) == 1
        else f"torch.cat([{', '.join(f'none + {row}' for row in rows)}], -1)"
    )


def read_location(location: Location) -> str:
    """Return where the function finds an input of a program."""
    name, leaf, row = location
    kind, _, number = name.partition(" ")
    return {"source": f"s{number}", "result": f"r{number}", "state": f"h[{leaf}]", "param": f"p{leaf}"}[
        kind
    ] + f"[{row}]"
