"""The folder for PyTorch, loaded and run by PyTorch without charloop."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from charloop.cells import RNN, linear
from charloop.config import ModelConfig
from charloop.data import Vocabulary
from charloop.exporting import export
from charloop.model import CharLM
from charloop.trained import TrainedModel
from charloop.types import Parameters, RandomKey, State
from exporting import with_torch
from exporting.networks import (
    KINDS,
    LABELS,
    SYMBOLS,
    assert_close,
    compute_logits,
    draw_params,
    draw_tokens,
    make_network,
)
from exporting.test_numpy import load_exported
from refusing import refused

CHOSEN = os.environ.get("CHARLOOP_TORCH_PYTHON", sys.executable if find_spec("torch") else "")
needs_torch = pytest.mark.skipif(
    not CHOSEN, reason="no PyTorch: set CHARLOOP_TORCH_PYTHON to a Python that has it"
)
QUICK = [
    ("rnn", 1),
    ("one-hot", 1),
    ("tied", 1),
    ("nas", 1),
    ("skip-lstm", 3),
    ("multiplicative", 1),
    ("labels", 1),
]
ALL = [(kind, layers) for kind in KINDS for layers in (1, 3)]
GROUPS = [pytest.param(QUICK, id="quick"), pytest.param(ALL, id="all", marks=pytest.mark.slow)]
TEXT = "abcabc</script>"
WRITES: list[dict[str, Any]] = [
    {"prompt": "", "length": 60, "temperature": 0},
    {"prompt": "ab", "length": 60, "temperature": 0.7, "seed": 5, "top_k": 9},
    {"prompt": "ab", "length": 60, "temperature": 1.3, "seed": 6, "top_p": 0.9},
    {"prompt": "\nab", "length": 60, "temperature": 0},
    {"prompt": "ab", "length": 0, "seed": -1},
    {"length": -1},
    {"temperature": -0.5},
    {"temperature": math.inf},
    {"top_k": -1},
    {"top_p": 0},
    {"top_p": 1.1},
    {"label": "no label"},
]


def list_writes(kind: str) -> list[dict[str, Any]]:
    """Return the arguments of `generate`."""
    return WRITES + [
        {"prompt": "a", "length": 200, "seed": 1, "label": label} for label in LABELS if kind == "labels"
    ]


def run_in_torch(kinds: dict[Path, str]) -> list[dict[str, Any]]:
    """Return what `with_torch.run_folder` finds for each folder, in one process with PyTorch."""
    job = next(iter(kinds)).parent / "job.json"
    folders = {str(folder): list_writes(kind) for folder, kind in kinds.items()}
    job.write_text(json.dumps({"folders": folders, "score": TEXT}))
    done = subprocess.run([CHOSEN, "-I", with_torch.__file__, str(job)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@needs_torch
@pytest.mark.parametrize("kinds", GROUPS)
def test_pytorch_computes_the_same(kinds: list[tuple[str, int]], tmp_path: Path) -> None:
    folders = [tmp_path / f"{kind}-{layers}" for kind, layers in kinds]
    for folder, (kind, layers) in zip(folders, kinds, strict=True):
        network = make_network(kind, layers)
        export(network, "torch", folder)
        tokens = draw_tokens(network)
        (folder / "tokens.json").write_text(json.dumps(np.stack([tokens, tokens[::-1]], 1).tolist()))
    made = run_in_torch({folder: kind for folder, (kind, _) in zip(folders, kinds, strict=True)})
    for folder, (kind, layers), found in zip(folders, kinds, made, strict=True):
        network = make_network(kind, layers)
        tokens, logits = draw_tokens(network), np.array(found["logits"])
        assert_close(logits[:, 0], compute_logits(network, tokens))
        assert_close(logits[:, 1], compute_logits(network, tokens[::-1].copy()))
        twin = load_exported(network, folder).Network()
        twin.generate = lambda twin=twin, **how: twin.decode(twin.write(**how))
        for how, text in zip(list_writes(kind), found["written"], strict=True):
            assert text == with_torch.write(twin, how), how
        for nats, scored in zip(found["nats"], (TEXT, ""), strict=True):
            np.testing.assert_allclose(nats, twin.score(scored), rtol=1e-5)
        assert_named_as_in_charloop(folder, network, is_computed=kind in ("gru-original", "skip-lstm"))


@pytest.mark.parametrize("kind", ["ln-lstm-cell", "gru-original", "multiplicative", "skip-lstm", "labels"])
def test_the_module_has_at_most_120_lines(kind: str, tmp_path: Path) -> None:
    """With labels, of which the module says most."""
    known = Vocabulary(SYMBOLS, documents="record", labels=LABELS)
    config = replace(make_network(kind, 3).model.config, readout_from="all")
    model = CharLM.build(config, known.size, known.end_id)
    export(TrainedModel(model, draw_params(model), known, {}), "torch", tmp_path / "made")
    assert len((tmp_path / "made/model.py").read_text().splitlines()) <= 120


def assert_named_as_in_charloop(folder: Path, network: TrainedModel, *, is_computed: bool) -> None:
    """Assert that the folder has the network's weights; what a step computes from them alone is there instead."""
    stored = load_file(folder / "model.safetensors")
    computed = {name for name in stored if "computed" in name}
    assert bool(computed) == is_computed
    assert {*stored} - computed <= {*network.params}
    assert is_computed or len(stored) == len(network.params)
    for name in {*stored} - computed:
        np.testing.assert_array_equal(stored[name], network.params[name])


class DottedRNN(RNN):
    """An RNN with one parameter more, whose name has a dot."""

    def init(self, key: RandomKey, input_size: int) -> Parameters:
        return super().init(key, input_size) | {"scale.input": jax.numpy.ones(self.hidden_size)}

    def step(self, params: Parameters, inputs: jax.Array, state: State) -> tuple[State, jax.Array]:
        gates = linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])
        hidden = jax.numpy.tanh(gates * params["scale.input"])
        return {"hidden": hidden}, hidden


def test_no_name_of_a_parameter_has_a_dot(tmp_path: Path) -> None:
    """PyTorch refuses such a name when the folder is loaded."""
    known = Vocabulary(SYMBOLS)
    model = CharLM.build(ModelConfig(cell=DottedRNN, hidden_size=4, embed_size=3), known.size, None)
    export(TrainedModel(model, draw_params(model), known, {}), "torch", tmp_path / "made")
    names = [name for name in load_file(tmp_path / "made/model.safetensors") if name.startswith("rnn.")]
    assert any("computed" in name for name in names)
    assert all(name.count(".") == 1 for name in names)


def test_8_bit_weights_are_refused(tmp_path: Path) -> None:
    with refused("--int8 and --to torch do not go together", do="leave --int8 out"):
        export(make_network("rnn"), "torch", tmp_path / "made", int8=True)
