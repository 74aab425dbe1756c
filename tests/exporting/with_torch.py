"""What PyTorch computes with exported folders: run by a Python that has torch, and no charloop.

python with_torch.py JOB.json, which holds `{"folders": {path: [{prompt, ...}]}, "score": text}`, prints what
it finds for each folder, as JSON. A folder also holds the tokens to read: tokens.json.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def run_folder(folder: Path, writes: list[dict[str, Any]], text: str) -> dict[str, Any]:
    """Return the logits after each token of two texts read side by side, what is written, and the nats of texts.

    What `generate` refuses is the error's message.
    """
    import torch

    torch.set_num_threads(1)
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network()
    tokens = torch.tensor(json.loads((folder / "tokens.json").read_text()))
    cut = len(tokens) // 3
    with torch.no_grad():
        first, state = network(tokens[:cut])
        rest, _ = network(tokens[cut:], state)
    return {
        "logits": torch.cat([first, rest]).tolist(),
        "written": [write(network, how) for how in writes],
        "nats": [network.score(one) for one in (text, "")],
    }


def write(network: Any, how: dict[str, Any]) -> str:
    """Return the text, or what is wrong with the arguments."""
    try:
        return str(network.generate(**how))
    except ValueError as error:
        return f"error: {error}"


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps([run_folder(Path(one), how, job["score"]) for one, how in job["folders"].items()]))
