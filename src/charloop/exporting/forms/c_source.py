"""A network as one C99 file and its header: no allocation, no dependency but libm."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from charloop.exporting.content import Export
from charloop.exporting.forms.c_steps import CStep, spell_step
from charloop.exporting.matrix import Matrix
from charloop.exporting.network import ExportedNetwork
from charloop.exporting.tables import gather_tables, load_templates

NUMBERS_PER_LINE = 16
PLAIN_NAME = re.compile(r"[A-Za-z0-9_ .-]+")
"""Names that can stand in an `#include`."""


class CMatrix(NamedTuple):
    """A matrix in the file: the names of its arrays. `scales` is "" if its numbers are float32."""

    name: str
    scales: str
    rows: int
    columns: int

    def add_product(self, y: str, x: str) -> str:
        """Return the statement `y += matrix x`."""
        return self._call("product", y, x)

    def add_column(self, y: str, token: str) -> str:
        """Return the statement that adds the column `token` to y."""
        return self._call("column", y, token)

    def _call(self, what: str, y: str, x: str) -> str:
        scaled = ("scaled_", f", {self.scales}") if self.scales else ("", "")
        return f"add_{scaled[0]}{what}({y}, {self.name}{scaled[1]}, {x}, {self.rows}, {self.columns});"


class Arrays:
    """The constant arrays of the file."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._matrices: dict[int, CMatrix] = {}
        self._kept: list[Matrix] = []

    def add(self, values: np.ndarray, kind: str = "float") -> str:
        """Add an array, and return its name."""
        name = f"numbers_{len(self.lines)}"
        spelled = [f"{number:.9g}" if kind == "float" else str(number) for number in values.flat]
        rows = range(0, len(spelled), NUMBERS_PER_LINE)
        text = ",\n".join(", ".join(spelled[start : start + NUMBERS_PER_LINE]) for start in rows)
        self.lines.append(f"static const {kind} {name}[{len(spelled)}] = {{\n{text}}};\n")
        return name

    def add_matrix(self, matrix: Matrix) -> CMatrix:
        """Add a matrix, once."""
        if id(matrix) not in self._matrices:
            self._kept.append(matrix)  # so that no other matrix gets its id
            if matrix.codes is None or matrix.scales is None:
                names = self.add(matrix.values), ""
            else:
                names = self.add(matrix.codes, "int8_t"), self.add(matrix.scales)
            self._matrices[id(matrix)] = CMatrix(*names, matrix.rows, matrix.columns)
        return self._matrices[id(matrix)]


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return the source and the header. Raises CharloopError for a cell whose step has no rule."""
    network, prefix = export.network(), make_prefix(export.name)
    header = f"{export.name if PLAIN_NAME.fullmatch(export.name) else prefix}.h"
    values = gather_values(network, export) | {"prefix": prefix, "PREFIX": prefix.upper(), "header": header}
    render = load_templates().get_template
    return {
        f"{export.name}.c": render("c_source.c.jinja").render(values).encode("ascii"),
        header: render("c_source.h.jinja").render(values).encode("ascii"),
    }


def make_prefix(name: str) -> str:
    """Return what the names in C begin with: `name` with underscores for what a name in C cannot hold."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower() or "network"
    return plain if plain[0].isalpha() else f"network_{plain}"


def gather_values(network: ExportedNetwork, export: Export) -> dict[str, Any]:
    """Return what the templates are filled with."""
    arrays, tables = Arrays(), gather_tables(network, export)
    steps = [
        spell_step(layer, arrays, one_hot=network.embedding is None and not number)
        for number, layer in enumerate(network.layers)
    ]
    start = np.concatenate([part for layer in network.layers for part in layer.start])
    readout = arrays.add_matrix(network.readout)
    embedding = network.embedding and arrays.add_matrix(network.embedding)
    # ASCII of JSON without slashes: nothing in it ends a comment, or begins one.
    labels = {"labels": tables["labels"]} if tables["labels"] else {}
    facts = json.dumps({**export.facts, **labels}).replace("/", "\\u002f")
    return tables | {
        "facts": facts,
        "steps": steps,
        "offsets": np.cumsum([0, *(step.state for step in steps)]).tolist(),
        "state": max(len(start), 1),
        "start": arrays.add(start) if start.any() else None,
        "hidden": network.layers[-1].hidden,
        "embedding": embedding,
        "readout": readout,
        "bias": arrays.add(network.readout_bias),
        "reads_all": network.reads_all,
        "arrays": arrays.lines,
        "scratch": measure_scratch(network, steps),
        "is_bytes": tables["unit"] == "byte",
        "count": len(tables["symbols"]) or 256,
        "codes": [ord(symbol) for symbol in tables["symbols"]],
        "label_bytes": [[*as_utf8(label), 0] for label in tables["labels"]],
        "prompt_bytes": [*as_utf8(tables["prompt"]), 0],
    }


def measure_scratch(network: ExportedNetwork, steps: Sequence[CStep]) -> int:
    """Return the bytes of the arrays that a function has on the stack at one time."""
    inputs = network.embedding.columns if network.embedding and network.embedding.scales is not None else 0
    outputs = sum(layer.hidden for layer in network.layers)
    step = 4 * (inputs + outputs + max(step.scratch for step in steps))
    return max(step, 12 * network.vocabulary.size)


def as_utf8(text: str) -> bytes:
    """Return the bytes of a text: surrogates that stand for bytes as those, others as U+FFFD."""
    return b"".join(
        character.encode("utf-8", "surrogateescape")
        if not "\ud800" <= character <= "\udfff" or "\udc80" <= character <= "\udcff"
        else "\N{REPLACEMENT CHARACTER}".encode()
        for character in text
    )
