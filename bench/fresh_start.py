"""Measure how well a network begins: the loss of characters read from a fresh start, and read in context.

    python -m bench.fresh_start RUN [RUN ...] TEXT [--pattern REGEX] [--prompt TEXT]

A beginning is a position in the last tenth of TEXT where a match of `--pattern` ends; by default where a
speech of a play begins. Up to 300 beginnings are read after nothing, after the run's prefix, and after the 1,000
characters before them. The table has the nats per character over characters 0-5, 5-10, 10-20 and 20-40. Below it
stands how many of 100 samples at temperature 0.8 continue the prompt with a new line, after nothing and after the
prefix.
"""

import argparse
import re
from pathlib import Path

import numpy as np

from charloop import load
from charloop.trained import TrainedModel

SPANS = ((0, 5), (5, 10), (10, 20), (20, 40))
LENGTH, CONTEXT, MAX_BEGINNINGS = 40, 1000, 300
SPEECHES = r"\n\n(?=[A-Z][A-Za-z ]+:\n)"
SAMPLES, TEMPERATURE = 100, 0.8


def main() -> None:
    """Print a table for each run."""
    flags = arguments()
    text = Path(flags.paths[-1]).read_text()
    held_out = text[-len(text) // 10 :]
    starts = beginnings(held_out, flags.pattern)
    for run in flags.paths[:-1]:
        network = load(run)
        print(f"\n{run}: prefix {network.prefix!r}, {len(starts)} beginnings")
        for name, nats in readings(network, held_out, starts).items():
            print(row(name, nats))
        for name, context in (("nothing", ""), ("prefix", None)):
            count = count_new_lines(network, flags.prompt, context)
            print(f"{count} of {SAMPLES} continue with a new line after {name}")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="RUN ... TEXT")
    parser.add_argument("--pattern", default=SPEECHES, help="its matches end at the beginnings")
    parser.add_argument("--prompt", default="ROMEO:", help="text that the samples continue")
    flags = parser.parse_args()
    if len(flags.paths) < 2:
        parser.error("give a run's folder and a text")
    return flags


def beginnings(text: str, pattern: str) -> list[int]:
    """Return up to `MAX_BEGINNINGS` positions in `text` where a match ends, with enough text on both sides."""
    ends = (match.end() for match in re.finditer(pattern, text))
    return [end for end in ends if CONTEXT <= end < len(text) - LENGTH][:MAX_BEGINNINGS]


def readings(network: TrainedModel, text: str, starts: list[int]) -> dict[str, np.ndarray]:
    """Return the nats of the characters after each start, `[starts, LENGTH]`, by what was read before them."""
    own = [text[start : start + LENGTH + 1] for start in starts]
    before = [text[start - CONTEXT : start] for start in starts]
    kinds = {"nothing": [""] * len(own), "prefix": [network.prefix] * len(own), "context": before}
    return {name: nats(network, contexts, own) for name, contexts in kinds.items()}


def nats(network: TrainedModel, contexts: list[str], texts: list[str]) -> np.ndarray:
    """Return the nats of all characters of each text but the first, read after its context; all are equally long."""
    import jax
    import jax.numpy as jnp

    encode = network.vocabulary.encode
    ids = np.stack([encode(before + text) for before, text in zip(contexts, texts, strict=True)]).T
    logits, _ = jax.jit(network.model.apply)(
        network.params, jnp.asarray(ids[:-1]), network.model.initial_state(len(texts))
    )
    log_probabilities = jax.nn.log_softmax(logits[-LENGTH:])
    targets = jnp.asarray(ids[-LENGTH:])[..., None]
    return -np.asarray(jnp.take_along_axis(log_probabilities, targets, -1))[..., 0].T


def row(name: str, nats: np.ndarray) -> str:
    """Return a line of the table."""
    means = "  ".join(f"{low}-{high} {nats[:, low:high].mean():.3f}" for low, high in SPANS)
    return f"after {name:8} {means}"


def count_new_lines(network: TrainedModel, prompt: str, context: str | None) -> int:
    """Return how many samples begin with a new line."""
    texts = network.sample(prompt, context=context, length=1, num_samples=SAMPLES, temperature=TEMPERATURE)
    return sum(text == "\n" for text in texts)


if __name__ == "__main__":
    main()
