"""Time the PyTorch form beside the NumPy form: `OPENBLAS_NUM_THREADS=1 python -m bench.export_torch`, with PyTorch.

Logits per second of processor time with one thread, the best of several rounds; random weights, 65 characters. The
columns: PyTorch one at a time (a call for each character, as a text is written), NumPy likewise, PyTorch at once (one
call for all, as a text is scored). PyTorch may be in another environment: --python names its interpreter.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from bench.export_onnx import AT_ONCE, ONE_AT_A_TIME, load_numpy, read_by_numpy
from bench.exported import make_network, time_call
from charloop.exporting import export

CASES = [("lstm", 128, ""), ("lstm", 256, ""), ("lstm", 128, "line"), ("ln-lstm", 128, "")]
"""Cell, units of each of two layers, and documents."""
IN_PYTORCH = """
import json, sys, time
import torch
from model import Network

torch.set_num_threads(1)
network, tokens = Network(), torch.tensor(json.loads(sys.stdin.read()))[:, None]

@torch.no_grad()
def read(tokens, size):
    start, state = time.process_time(), None
    for piece in tokens.split(size):
        _, state = network(piece, state)
    return len(tokens) / (time.process_time() - start)

some, rounds = int(sys.argv[1]), int(sys.argv[2])
print(json.dumps([[read(tokens[:some], 1), read(tokens, len(tokens))] for _ in range(rounds + 1)][1:]))
"""
"""Run in an exported folder; prints both rates of each round."""


def time_in_pytorch(python: str, folder: Path, tokens: np.ndarray, rounds: int) -> list[list[float]]:
    """Return both rates of each round."""
    command = [python, "-c", IN_PYTORCH, str(ONE_AT_A_TIME), str(rounds)]
    done = subprocess.run(
        command, cwd=folder, input=json.dumps(tokens.tolist()), stdout=subprocess.PIPE, check=True, text=True
    )
    found: list[list[float]] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--python", default=sys.executable, help="a Python that has torch and safetensors")
    flags = parser.parse_args()
    tokens = np.random.default_rng(0).integers(0, 65, AT_ONCE)
    for cell, hidden, documents in CASES:
        with tempfile.TemporaryDirectory() as name:
            network, folder = make_network(cell, hidden, hidden, documents), Path(name)
            export(network, "torch", folder / "made")
            export(network, "numpy", folder / "made.py")
            call = partial(read_by_numpy, load_numpy(folder / "made.py"), tokens[:ONE_AT_A_TIME])
            by_numpy = [ONE_AT_A_TIME / time_call(call) for _ in range(flags.rounds + 1)][1:]
            in_pytorch = time_in_pytorch(flags.python, folder / "made", tokens, flags.rounds)
        one, at_once = map(max, zip(*in_pytorch, strict=True))
        kind = f"{cell}, 2 x {hidden}{', documents' if documents else ''}"
        print(f"{kind:28}{one:11,.0f}{max(by_numpy):11,.0f}{at_once:11,.0f}", flush=True)
    print("load", *os.getloadavg())


if __name__ == "__main__":
    main()
