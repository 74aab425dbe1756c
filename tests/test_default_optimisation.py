"""Bit-exactness at XLA's default optimisation, as users run it; the other tests lower it to compile quickly."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json, sys
from functools import partial
from pathlib import Path

import jax
import numpy as np

from cells.runs import values_and_gradients
from charloop.kernels.engine import Kernels
from charloop.unroll import scan
from charloop.unroll.fused import fused
from kernels.test_sizes import problem
from training.runs import TEXT, configure, resume_recorded, run

folder = Path(sys.argv[1])
(folder / "text.txt").write_text(TEXT)

def plan(steps):
    return configure(folder / "text.txt", steps=steps, num_layers=1, cell="lstm", state_dropout=0.1)

def as_bytes(state):
    kept = ("params/", "optimizer/")
    return {name: value.tobytes().hex() for name, value in state.items() if name.startswith(kept)}

whole, part = run(folder / "whole", plan(10)), run(folder / "part", plan(5))
interrupted = as_bytes(part.state)
resumed = resume_recorded(part.folder, plan(10))
cell, given, _, cotangents = problem("lstm", 17, 3, 4, lookup=False)
found, expected = (
    jax.jit(partial(values_and_gradients, partial(way, cell)))(given, cotangents)
    for way in (partial(fused, engine=Kernels()), scan)
)
print(json.dumps({
    "whole": as_bytes(whole.state), "interrupted": interrupted, "resumed": as_bytes(resumed.state),
    "kernel": [np.asarray(leaf).ravel().tolist() for leaf in jax.tree.leaves(found)],
    "scan": [np.asarray(leaf).ravel().tolist() for leaf in jax.tree.leaves(expected)],
}))
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program computes in a process without the tests' flags and compiled programs."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("JAX_COMPILATION")}
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path_factory.mktemp("default"))],
        env=ours | {"XLA_FLAGS": "", "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(outcome: dict[str, Any]) -> None:
    assert outcome["resumed"] == outcome["whole"] != outcome["interrupted"]
    assert any(name.startswith("params/") for name in outcome["whole"])


def test_a_kernel_computes_what_scan_computes(outcome: dict[str, Any]) -> None:
    assert len(outcome["kernel"]) == len(outcome["scan"]) > 5
    for found, expected in zip(outcome["kernel"], outcome["scan"], strict=True):
        assert found == pytest.approx(expected, rel=3e-5, abs=3e-5)
