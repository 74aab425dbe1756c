"""A network as an ONNX model: tokens and a state in, logits and the new state out."""

import json
from collections.abc import Mapping
from typing import Any

import jax
import onnx
from onnx import TensorProto, helper

from charloop.errors import CharloopError
from charloop.exporting.content import Export
from charloop.exporting.forms.onnx_layers import Reading, add_layer
from charloop.exporting.forms.onnx_nodes import Constants, Name, Nodes
from charloop.exporting.network import ExportedLayer, ExportedNetwork
from charloop.exporting.tables import gather_tables

OPSET, FORMAT = 17, 8
"""Of ONNX 1.12 (2022): onnxruntime runs it since version 1.12."""
MAX_BYTES = 2_000_000_000
"""Of a model in one file, by the limit of protocol buffers, with room for the graph itself."""


def make_files(export: Export) -> Mapping[str, bytes]:
    """Return the model. Raises CharloopError for a cell whose step has no rule, or a network that is too large."""
    network = export.network()
    nodes, inputs, outputs = Nodes(Constants()), [], []
    states = describe_states(network)
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["time", "batch"])
    logits, after = add_network(nodes, network, [*states])
    for name, new in zip(states, after, strict=True):
        size = states[name]["size"]
        inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]))
        outputs.append(helper.make_tensor_value_info(f"new_{name}", TensorProto.FLOAT, ["batch", size]))
        nodes.made.append(helper.make_node("Identity", [new], [f"new_{name}"]))
    nodes.made.append(helper.make_node("Identity", [logits], ["logits"]))
    size = network.vocabulary.size
    outputs.insert(0, helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["time", "batch", size]))
    check_size(nodes.constants.size)
    graph = helper.make_graph(
        nodes.made, "charloop", [tokens, *inputs], outputs, initializer=nodes.constants.tensors
    )
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=FORMAT, producer_name="charloop")
    known = {"facts": export.facts, "tables": gather_tables(network, export), "states": states}
    helper.set_model_props(model, {name: json.dumps(value) for name, value in known.items()})
    onnx.checker.check_model(model, full_check=True)
    return {f"{export.name}.onnx": model.SerializeToString(deterministic=True)}


def check_size(size: int) -> None:
    """Raise CharloopError for more bytes of weights than an ONNX file holds."""
    if size > MAX_BYTES:
        raise CharloopError(
            "--to onnx: size of the weights",
            got=f"{size:,} bytes",
            allowed=f"up to {MAX_BYTES:,}, as one ONNX file holds",
            do="add --int8, or use --to safetensors",
        )


def describe_states(network: ExportedNetwork) -> dict[Name, dict[str, Any]]:
    """Return, for each part of the state, its size and the numbers before the first character: one if all equal."""
    return {
        f"state_{number}_{part}": {
            "size": start.size,
            "start": float(start[0]) if (start == start[0]).all() else start.tolist(),
        }
        for number, layer in enumerate(network.layers)
        for part, start in zip(name_parts(layer), layer.start, strict=True)
    }


def name_parts(layer: ExportedLayer) -> list[str]:
    """Return a name for each part of a layer's state: the cell's, or its number where that is no plain word."""
    paths, _ = jax.tree_util.tree_flatten_with_path(layer.cell.initial_state(1))
    names = [jax.tree_util.keystr(path, simple=True, separator="_") for path, _ in paths]
    plain = all(name.isascii() and name.replace("_", "").isalnum() for name in names)
    return names if plain and len({*names}) == len(names) else [str(number) for number in range(len(names))]


def add_network(nodes: Nodes, network: ExportedNetwork, states: list[Name]) -> tuple[Name, list[Name]]:
    """Add the whole network, and return the logits and the new states."""
    reading = Reading(nodes, "tokens", network.vocabulary.size, network.vocabulary.end_id)
    inputs, outputs, after, waiting = None, list[Name](), list[Name](), [*states]
    embedding = None if network.embedding is None else nodes.matrix("embedding", network.embedding)
    if embedding is not None:
        inputs = nodes.add("Gather", embedding, "tokens")
    for number, layer in enumerate(network.layers):
        state, waiting = waiting[: len(layer.start)], waiting[len(layer.start) :]
        inputs, new = add_layer(nodes, layer, f"layer_{number}", reading, inputs, state)
        outputs, after = [*outputs, inputs], [*after, *new]
    assert inputs is not None
    read = nodes.add("Sum", *outputs) if network.reads_all else inputs
    if network.readout is network.embedding:
        assert embedding is not None
        readout = nodes.add("Transpose", embedding, perm=[1, 0])
    else:
        readout = nodes.matrix("readout", network.readout, transposed=True)
    bias = nodes.constants.add("readout_bias", network.readout_bias)
    return nodes.add("Add", nodes.add("MatMul", read, readout), bias), after
