"""Score a checkpoint of nanoGPT on the characters on which charloop scores, each predicted once.

    PYTHON_WITH_TORCH bench/nanogpt.py FOLDER_OF_NANOGPT OUT_DIR [TEXT]

TEXT defaults to the input.txt of nanoGPT's shakespeare_char; its last 111,540 characters are the validation text,
as in charloop. nanoGPT reads blocks of a fixed length. The losses, in nats per character, are those of blocks that
do not overlap, each predicted as a whole, as nanoGPT itself reports its loss; of blocks whose second half is
predicted; and of blocks whose last 16 characters are predicted, so that each has nearly the longest context there
is. It runs in nanoGPT's environment.
"""

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

VALIDATION = 111_540


def main(folder: str, out: str, text: str | None = None) -> None:
    """Print the losses."""
    sys.path.insert(0, folder)
    from model import GPT, GPTConfig  # type: ignore[import-not-found]

    data = Path(folder) / "data" / "shakespeare_char"
    place = pickle.loads((data / "meta.pkl").read_bytes())["stoi"]
    characters = Path(text or data / "input.txt").read_text("utf-8")[-VALIDATION:]
    tokens = torch.tensor([place[character] for character in characters])
    saved = torch.load(Path(folder) / out / "ckpt.pt", map_location="cpu")
    network = GPT(GPTConfig(**saved["model_args"])).eval()
    network.load_state_dict(
        {name.removeprefix("_orig_mod."): value for name, value in saved["model"].items()}
    )
    block = saved["model_args"]["block_size"]
    print(
        f"parameters {sum(one.numel() for one in network.parameters()):,}, block {block}, step {saved['iter_num']}"
    )
    for new in sorted({block, block // 2, min(16, block)}, reverse=True):
        nats = score(network, tokens, block, new)
        print(
            f"{new:4} characters predicted by each block: {nats.mean():.4f} nats per character, {len(nats):,} scored"
        )


def score(network: Any, tokens: Any, block: int, new: int) -> np.ndarray:
    """Return the nats of each character after the first, when a block predicts its last `new` characters."""
    losses = []
    torch.set_grad_enabled(False)
    for end in range(1, len(tokens), new):
        # The first blocks have less before them; the last is shorter.
        last = min(end + new, len(tokens))
        start = max(0, last - 1 - block)
        logits, _ = network(tokens[None, start : last - 1], tokens[None, start + 1 : last])
        nats = torch.nn.functional.cross_entropy(logits[0], tokens[start + 1 : last], reduction="none")
        losses.append(nats[-(last - end) :].numpy())
    return np.concatenate(losses)


if __name__ == "__main__":
    main(*sys.argv[1:])
