"""A trained network as arrays and programs, without JAX: what every exported form is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Float32

from charloop.cells.base import Cell
from charloop.data import Vocabulary
from charloop.engines.partition import partition_step
from charloop.errors import CharloopError
from charloop.exporting.matrix import Matrix
from charloop.kernels.step_programs import StepPrograms
from charloop.kernels.tracing.program import Program
from charloop.kernels.tracing.rules import NoRuleError
from charloop.model import layer_parameters
from charloop.sampling.prompt import prepend_beginning
from charloop.trained import TrainedModel

MakeMatrix = Callable[[Float32[np.ndarray, "rows columns"]], Matrix]
Vector = Float32[np.ndarray, " _size"]


@dataclass(frozen=True, eq=False)
class ExportedProduct:
    """`operand weightᵀ + bias`."""

    weight: Matrix
    bias: Vector | None
    operand: int | Program | None
    """A part of the state; or the program whose result `operand` is multiplied; None: the layer's input."""
    source: int | None = None
    """The source that is added to the result; then nothing else reads either."""


@dataclass(frozen=True, eq=False)
class ExportedLayer:
    """One time step of a recurrent layer.

    First each source is computed from the layer's input; then each product, in order; then `finish`. Inputs of a
    program have a location: ("source", n) and ("result", n) as "source 0", "result 0", with leaf 0; ("param", leaf)
    in `params`; ("state", leaf) in the state; and the row of `hidden` numbers in it (of a single number: 0). Results
    of `finish` are ("new_state", leaf) and ("output", 0); of an operand ("operand", 0).
    """

    cell: Cell
    weights: Mapping[str, np.ndarray]
    """The layer's parameters under the cell's names, for forms that have this cell ready-made."""
    hidden: int
    """Units."""
    inputs: int
    """Features of the input."""
    sources: tuple[ExportedProduct | None, ...]
    """Products of the input; None: the input itself."""
    products: tuple[ExportedProduct, ...]
    finish: Program
    params: tuple[Vector, ...]
    """Numbers that the programs read: rows, or a single number."""
    start: tuple[Vector, ...]
    """The state before the first character, flat: a multiple of `hidden` numbers in each part."""


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """Characters in, logits out: embedding or one-hot input, layers, readout.

    Before the end symbol of documents (`vocabulary.end_id`) is read, the state becomes `start` of each layer.
    """

    trained: TrainedModel
    embedding: Matrix | None
    """A row for each token; None for one-hot input: a product of the input is then a column of its weight."""
    layers: tuple[ExportedLayer, ...]
    readout: Matrix
    """The same object as `embedding` if the two are tied."""
    readout_bias: Vector
    reads_all: bool
    """Whether the readout reads the sum of the outputs of all layers instead of the last."""
    opening: tuple[int, ...]
    """Tokens that are read before a prompt, without the longest end of them with which the prompt begins."""
    fallback: int
    """The token that is read where there is neither an opening nor a prompt."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The table of tokens."""
        return self.trained.vocabulary

    @classmethod
    def of(cls, trained: TrainedModel, make: MakeMatrix = Matrix) -> "ExportedNetwork":
        """Return the network of `trained`; `make` makes a matrix of weights.

        Raises CharloopError, with the reason, for a cell whose step has an operation without a rule.
        """
        params = {name: np.asarray(value) for name, value in trained.params.items()}
        config, known = trained.model.config, trained.vocabulary
        embedding = make(params["embedding.weight"]) if config.embed_size else None
        tied = embedding if config.tie_embedding else None
        sizes = [trained.model.input_size] + [config.hidden_size] * (config.num_layers - 1)
        layers = [
            export_layer(trained.model.cell, layer_parameters(trained.params, number), size, make)
            for number, size in enumerate(sizes)
        ]
        beginning, nothing = trained.opening(), np.zeros(0, np.int32)
        return cls(
            trained,
            embedding,
            tuple(layers),
            tied or make(params["readout.weight"]),
            params["readout.bias"],
            config.readout_from == "all",
            tuple(map(int, beginning.ids(known, nothing, "skip"))),
            int(prepend_beginning(known, nothing, beginning, "skip")[-1]),
        )


def export_layer(cell: Cell, params: Any, inputs: int, make: MakeMatrix) -> ExportedLayer:
    """Return one layer that reads `inputs` features. Raises CharloopError if its step has no rule."""
    start = jax.tree.map(lambda leaf: np.asarray(leaf)[0], cell.initial_state(1))
    row = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), start)
    try:
        parts = partition_step(cell, params, jax.ShapeDtypeStruct((inputs,), np.float32), row)
        programs = StepPrograms(parts)
        finish, operands = programs.traced_forward, programs.operands
    except NoRuleError as reason:
        raise CharloopError(
            f"{type(cell).__name__} cannot be exported: {reason}",
            do="export it with --to safetensors, or write its step without that operation",
        ) from None
    loop_params, sources, products = parts.prepare(params)
    reads = zip(parts.reads, operands, strict=True)
    made = [
        ExportedProduct(
            make(np.asarray(weight)), _vector(bias), program if read is None else read, one.source
        )
        for (weight, bias), (read, program), one in zip(products, reads, parts.products, strict=True)
    ]
    return ExportedLayer(
        cell,
        {name: np.asarray(value) for name, value in params.items()},
        cell.hidden_size,
        inputs,
        tuple(s and ExportedProduct(make(np.asarray(s[0])), _vector(s[1]), None) for s in sources),
        tuple(made),
        finish,
        tuple(np.asarray(value, np.float32).reshape(-1) for value in loop_params),
        tuple(leaf.astype(np.float32).reshape(-1) for leaf in jax.tree.leaves(start)),
    )


def _vector(bias: Any) -> Vector | None:
    return None if bias is None else np.asarray(bias)
