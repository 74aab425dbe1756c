"""The folder for PyTorch, loaded and run by PyTorch without charloop."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from charloop.exporting import export
from exporting import with_torch
from exporting.networks import (
    KINDS,
    LABELS,
    assert_close,
    compute_logits,
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
    ("gru", 1),
    ("gru-original", 1),
    ("lstm", 3),
    ("ln-lstm-cell", 1),
    ("nas", 1),
    ("skip-lstm", 3),
]
QUICK += [
    ("multiplicative", 1),
    ("one-hot", 1),
    ("tied", 1),
    ("all-layers", 3),
    ("bytes", 1),
    ("unknown", 1),
    ("labels", 3),
]
ALL = [(kind, layers) for kind in KINDS for layers in (1, 3)]
GROUPS = [pytest.param(QUICK, id="quick"), pytest.param(ALL, id="all", marks=pytest.mark.slow)]
TEXT = "abcabc</script>"
WRITES: list[dict[str, Any]] = [
    {"prompt": "", "length": 60, "temperature": 0},
    {"prompt": "ab", "length": 60, "temperature": 0.7, "seed": 5, "top_k": 9},
    {"prompt": "ab", "length": 60, "temperature": 1.3, "seed": 6, "top_p": 0.9},
]


def run_in_torch(folders: list[Path], writes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what `with_torch.run_folder` finds for each folder, in one process with PyTorch."""
    job = folders[0].parent / "job.json"
    job.write_text(json.dumps({"folders": [*map(str, folders)], "writes": writes, "score": TEXT}))
    command = [CHOSEN, "-I", with_torch.__file__, str(job)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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
    for folder, (kind, layers), found in zip(folders, kinds, run_in_torch(folders, WRITES), strict=True):
        network = make_network(kind, layers)
        tokens, logits = draw_tokens(network), np.array(found["logits"])
        assert_close(logits[:, 0], compute_logits(network, tokens))
        assert_close(logits[:, 1], compute_logits(network, tokens[::-1].copy()))
        twin = load_exported(network, folder).Network()
        for how, text in zip(WRITES, found["written"], strict=True):
            assert text == twin.decode(twin.write(**how)), how
        np.testing.assert_allclose(found["nats"], twin.score(TEXT), rtol=1e-5)
        own = {name for name in network.params if name.startswith("rnn.")}
        if kind in ("gru-original", "skip-lstm"):  # What is computed from parameters alone is stored instead.
            assert {name for name in found["names"] if "computed" in name}
        else:
            assert own == {name for name in found["names"] if name.startswith("rnn.")}
        assert len((folder / "model.py").read_text().splitlines()) <= (130 if "ln-lstm" in kind else 120)


@needs_torch
def test_pytorch_writes_documents_with_labels(tmp_path: Path) -> None:
    network, folder = make_network("labels"), tmp_path / "labels"
    export(network, "torch", folder)
    (folder / "tokens.json").write_text("[[1]]")
    writes = [{"prompt": "a", "length": 200, "temperature": 0, "label": label} for label in LABELS]
    (found,) = run_in_torch([folder], writes)
    for label, text in zip(LABELS, found["written"], strict=True):
        (document,) = network.documents("a", label=label, temperature=0, max_length=200).take(1)
        assert "a" + text == document.text


def test_weights_keep_charloops_names(tmp_path: Path) -> None:
    for kind in ("lstm", "ln-lstm-cell", "tied", "multiplicative"):
        network = make_network(kind)
        export(network, "torch", tmp_path / kind)
        stored = load_file(tmp_path / kind / "model.safetensors")
        assert {*stored} == {*network.params}
        for name, value in stored.items():
            np.testing.assert_array_equal(value, network.params[name])


def test_8_bit_weights_are_refused(tmp_path: Path) -> None:
    with refused("--int8 and --to torch do not go together", do="leave --int8 out"):
        export(make_network("lstm"), "torch", tmp_path / "made", int8=True)
