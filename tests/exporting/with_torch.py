"""What PyTorch computes with exported folders: run by a Python that has torch, and no charloop.

python with_torch.py JOB.json: `{"folders": [...], "writes": [{prompt, temperature, ...}], "score": text}`; prints the results
for each folder, as JSON. A folder also holds the tokens to read, tokens.json.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def run_folder(folder: Path, writes: list[dict[str, Any]], text: str) -> dict[str, Any]:
    """Return the logits after each token of two texts read side by side, what is written, and the nats of `text`."""
    import torch

    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network()
    tokens = torch.tensor(json.loads((folder / "tokens.json").read_text()))
    with torch.no_grad():
        first, state = network(tokens[:100])
        rest, _ = network(tokens[100:], state)
    return {
        "logits": torch.cat([first, rest]).tolist(),
        "written": [network.generate(**how) for how in writes],
        "nats": network.score(text),
        "names": sorted(network.state_dict()),
        "kind": type(network.rnn).__name__,
    }


if __name__ == "__main__":
    job = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps([run_folder(Path(one), job["writes"], job["score"]) for one in job["folders"]]))
