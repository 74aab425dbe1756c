"""The ONNX graph, checked by onnx and run by onnxruntime, without charloop."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from charloop.exporting import export
from charloop.exporting.forms import onnx_graph
from charloop.trained import TrainedModel
from exporting.networks import (
    HOSTILE,
    LABELS,
    assert_close,
    compute_logits,
    draw_tokens,
    each_network,
    expect_logits,
    make_network,
)
from refusing import refused

State = dict[str, np.ndarray]


class Session:
    """An exported network in onnxruntime, with one thread."""

    def __init__(self, network: TrainedModel, folder: Path, **how: object) -> None:
        path = folder / "made.onnx"
        export(network, "onnx", path, **how)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        known = self.session.get_modelmeta().custom_metadata_map
        self.known: dict[str, Any] = {name: json.loads(value) for name, value in known.items()}

    def begin(self, batch: int) -> State:
        return {
            name: np.tile(np.float32(of["start"]), (batch, 1 if np.ndim(of["start"]) else of["size"]))
            for name, of in self.known["states"].items()
        }

    def run(self, tokens: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        logits, *after = self.session.run(None, {"tokens": tokens.astype(np.int64), **state})
        return logits, dict(zip(state, after, strict=True))


@each_network
def test_the_graph_computes_the_same_logits(kind: str, layers: int, tmp_path: Path) -> None:
    """A row from its beginning, in pieces; and three rows that go on from three places in it."""
    network = make_network(kind, layers)
    tokens, session = draw_tokens(network), Session(network, tmp_path)
    expected = expect_logits(kind, layers)
    state, made, places = session.begin(1), [], list[State]()
    for piece in np.split(tokens, cuts := [1, 18, 150]):
        logits, state = session.run(piece[:, None], state)
        made.append(logits[:, 0])
        places.append(state)
    assert_close(np.concatenate(made), expected)

    def take(values: np.ndarray, first: int, last: int) -> np.ndarray:
        return np.stack([values[cut + first : cut + last] for cut in cuts], 1)

    state = {name: np.concatenate([place[name] for place in places[:3]]) for name in state}
    logits, state = session.run(take(tokens, 0, 17), state)
    assert_close(logits, take(expected, 0, 17))
    assert_close(session.run(take(tokens, 17, 18), state)[0], take(expected, 17, 18))


@pytest.mark.parametrize("kind", ["tied", "one-hot", "ln-lstm"])
def test_8_bit_weights_compute_what_rounded_weights_do(kind: str, tmp_path: Path) -> None:
    network = make_network(kind)
    tokens, session = draw_tokens(network), Session(network, tmp_path, int8=True)
    made, _ = session.run(tokens[:, None], session.begin(1))
    assert_close(made[:, 0], expect_logits(kind, int8=True))
    model = onnx.load(tmp_path / "made.onnx")
    assert all(tensor.data_type == onnx.TensorProto.INT8 for tensor in find_matrices(model))


def find_matrices(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [tensor for tensor in model.graph.initializer if len(tensor.dims) == 2 and min(tensor.dims) > 1]


def test_a_tied_matrix_is_stored_once(tmp_path: Path) -> None:
    network = make_network("tied")
    Session(network, tmp_path)
    shape = [network.vocabulary.size, 12]
    found = find_matrices(onnx.load(tmp_path / "made.onnx"))
    assert sum(sorted(tensor.dims) == sorted(shape) for tensor in found) == 1


@pytest.mark.parametrize(
    ("kind", "operator"),
    [
        ("lstm", "LSTM"),
        ("gru", "GRU"),
        ("gru-original", "GRU"),
        ("rnn", "RNN"),
        ("nas", "Scan"),
        ("documents", "Scan"),
    ],
)
def test_a_standard_operator_is_used_where_it_computes_the_cell(
    kind: str, operator: str, tmp_path: Path
) -> None:
    Session(make_network(kind), tmp_path)
    operators = [node.op_type for node in onnx.load(tmp_path / "made.onnx").graph.node]
    assert [name for name in operators if name in ("LSTM", "GRU", "RNN", "Scan")] == [operator]


def test_a_document_ends_in_one_row_only(tmp_path: Path) -> None:
    network = make_network("documents")
    end, session = network.vocabulary.end_id, Session(network, tmp_path)
    tokens = np.array([[1, 1], [2, 2], [end, 3], [4, 4]])
    logits, after = session.run(tokens, session.begin(2))
    ended, apart = session.run(tokens[2:, :1], session.begin(1))
    np.testing.assert_allclose(logits[2:, :1], ended, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        logits[:, 1], compute_logits(network, tokens[:, 1].astype(np.int32)), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(after["state_0_hidden"][0], apart["state_0_hidden"][0], rtol=1e-6, atol=1e-6)


def test_its_metadata_hold_the_vocabulary_and_the_labels(tmp_path: Path) -> None:
    network = make_network("labels")
    tables = Session(network, tmp_path, temperature=0.5).known["tables"]
    assert "".join(tables["symbols"]) == "".join(network.vocabulary.symbols)
    assert set(HOSTILE) <= {*tables["symbols"]}
    assert (tables["labels"], tables["temperature"]) == ([*LABELS], 0.5)


def test_a_network_beyond_the_limit_of_the_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "MAX_BYTES", 1000)
    with refused("--to onnx: size of the weights", allowed="up to 1,000, as one ONNX file holds"):
        Session(make_network("lstm"), tmp_path)
    assert not [*tmp_path.iterdir()]


def test_without_the_package_its_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with refused("--to onnx needs the package onnx", do="pip install 'charloop[onnx]'"):
        export(make_network("lstm"), "onnx", tmp_path / "made.onnx")
