"""Time the ONNX form in onnxruntime beside the NumPy form: `OPENBLAS_NUM_THREADS=1 python -m bench.export_onnx`.

Logits per second of processor time with one thread, medians; random weights, 65 characters. "One at a time" is a call
for each character, as a text is written; "at once" is one call for all, as a text is scored.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from bench.exported import make_network, time_call
from charloop.exporting import export

ONE_AT_A_TIME, AT_ONCE = 400, 2000
CASES = [
    ("lstm", 128, "", False),
    ("lstm", 256, "", False),
    ("lstm", 256, "", True),
    ("lstm", 128, "line", False),
    ("ln-lstm", 128, "", False),
]
"""Cell, units of each of two layers, documents, and whether the weights are 8-bit."""


class InOnnxruntime:
    """The ONNX form."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.state = {
            one.name: np.zeros((1, one.shape[1]), np.float32) for one in self.session.get_inputs()[1:]
        }

    def read(self, tokens: np.ndarray, size: int) -> None:
        """Read tokens, `size` in each call."""
        state = self.state
        for piece in tokens.reshape(-1, size, 1):
            _, *after = self.session.run(None, {"tokens": piece, **state})
            state = dict(zip(state, after, strict=True))


def load_numpy(path: Path) -> Any:
    """Return the network of the NumPy form."""
    spec = spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Network()


def read_by_numpy(network: Any, tokens: np.ndarray) -> None:
    """Read tokens one at a time."""
    state = network.begin()
    for token in tokens:
        _, state = network.step(int(token), state)


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    flags = parser.parse_args()
    tokens = np.random.default_rng(0).integers(0, 65, AT_ONCE)
    for cell, hidden, documents, int8 in CASES:
        with tempfile.TemporaryDirectory() as name:
            network, folder = make_network(cell, hidden, hidden, documents), Path(name)
            export(network, "onnx", folder / "made.onnx", int8=int8)
            export(network, "numpy", folder / "made.py", int8=int8)
            graph, plain = InOnnxruntime(folder / "made.onnx"), load_numpy(folder / "made.py")
            some = tokens[:ONE_AT_A_TIME]
            calls: list[tuple[Callable[[], None], int]] = [
                (partial(graph.read, some, 1), len(some)),
                (partial(read_by_numpy, plain, some), len(some)),
                (partial(graph.read, tokens, AT_ONCE), AT_ONCE),
            ]
            rounds = [[count / time_call(call) for call, count in calls] for _ in range(flags.rounds + 1)][1:]
        rates = "".join(f"{statistics.median(rate):11,.0f}" for rate in zip(*rounds, strict=True))
        kind = f"{cell}, 2 x {hidden}{', int8' if int8 else ''}{', documents' if documents else ''}"
        print(f"{kind:28}{rates}", flush=True)
    print("load", *os.getloadavg())


if __name__ == "__main__":
    main()
