"""How well a network begins: characters read from a fresh start beside the same ones read in context.

    python -m bench.fresh_start RUN [RUN ...] TEXT [--pattern REGEX] [--prompt TEXT]

Of the last tenth of TEXT, up to 300 places are taken that `--pattern` matches (the speeches of a play, if left out);
each beginning is read after nothing, after the run's prefix, and after the 1,000 characters before it. The table has
nats per character over characters 0-5, 5-10, 10-20 and 20-40 of it. Then: how many of 100 samples at temperature 0.8
go on from the prompt with a new line, after nothing and after the prefix.
"""

import argparse
import re
from pathlib import Path

import numpy as np

from charloop import load
from charloop.trained import TrainedModel

SPANS = ((0, 5), (5, 10), (10, 20), (20, 40))
LENGTH, CONTEXT, MOST = 40, 1000, 300
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
            print(
                f"{new_lines(network, flags.prompt, context)} of {SAMPLES} go on with a new line after {name}"
            )


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="RUN ... TEXT")
    parser.add_argument("--pattern", default=SPEECHES, help="ends where a beginning is")
    parser.add_argument("--prompt", default="ROMEO:", help="what samples go on from")
    flags = parser.parse_args()
    if len(flags.paths) < 2:
        parser.error("give a run's folder and a text")
    return flags


def beginnings(text: str, pattern: str) -> list[int]:
    """Up to `MOST` places in `text` where a match ends that have enough text on both sides."""
    ends = (match.end() for match in re.finditer(pattern, text))
    return [end for end in ends if CONTEXT <= end < len(text) - LENGTH][:MOST]


def readings(network: TrainedModel, text: str, starts: list[int]) -> dict[str, np.ndarray]:
    """Nats of the characters after each start, `[starts, LENGTH]`, by what was read before them."""
    own = [text[start : start + LENGTH + 1] for start in starts]
    before = [text[start - CONTEXT : start] for start in starts]
    kinds = {"nothing": [""] * len(own), "prefix": [network.prefix] * len(own), "context": before}
    return {name: nats(network, contexts, own) for name, contexts in kinds.items()}


def nats(network: TrainedModel, contexts: list[str], texts: list[str]) -> np.ndarray:
    """Of each text's characters but the first, read after its context; all as long as one another."""
    import jax
    import jax.numpy as jnp

    encode = network.vocabulary.encode
    ids = np.stack([encode(before + text) for before, text in zip(contexts, texts, strict=True)]).T
    logits, _ = jax.jit(network.model.apply)(
        network.params, jnp.asarray(ids[:-1]), network.model.initial_state(len(texts))
    )
    chances = jax.nn.log_softmax(logits[-LENGTH:])
    return -np.asarray(jnp.take_along_axis(chances, jnp.asarray(ids[-LENGTH:])[..., None], -1))[..., 0].T


def row(name: str, nats: np.ndarray) -> str:
    """A line of the table."""
    means = "  ".join(f"{low}-{high} {nats[:, low:high].mean():.3f}" for low, high in SPANS)
    return f"after {name:8} {means}"


def new_lines(network: TrainedModel, prompt: str, context: str | None) -> int:
    """How many samples go on with a new line."""
    texts = network.sample(prompt, context=context, length=1, num_samples=SAMPLES, temperature=TEMPERATURE)
    return sum(text == "\n" for text in texts)


if __name__ == "__main__":
    main()
