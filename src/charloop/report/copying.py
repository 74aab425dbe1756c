"""How much of what the network writes stands verbatim in what it read."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int, Integer

from charloop.originality import (
    SuffixIndex,
    check_index_size,
    load_or_build_index,
    measure_originality,
)
from charloop.report.excerpt import Excerpt, excerpt_of
from charloop.report.values import Missing, Written
from charloop.sampling import SamplingConfig
from charloop.sampling.compiled_loop import BLOCK, begin_writing, write_blocks
from charloop.sampling.pickers import make_picker
from charloop.trained import TrainedModel

TEMPERATURES = (0.2, 0.5, 0.8, 1.0)
LENGTH = 2000
"""Tokens that are written at each: longer texts have longer runs, so all are as long."""


def copied(
    network: TrainedModel,
    training: Callable[[], Integer[np.ndarray, " training"]],
    held_out: Excerpt | Missing | None,
    seed: int,
    tell: Callable[[str], object],
) -> tuple[Written, ...]:
    """A text at each temperature, and for a yardstick one that people wrote; what of each is in the training text.

    Raises CharloopError where that text cannot be read again, has changed, or is too large for an index.
    """
    # Before it is read, where its size is known.
    size = network.run.text.get("train") if network.run else None
    check_index_size(size if isinstance(size, int) else 0)
    tell("reading the training text")
    index = load_or_build_index(training())
    found = []
    for temperature in TEMPERATURES:
        tell(f"writing at temperature {temperature}")
        found.append(judged(network, index, temperature, write(network, temperature, seed)))
    if isinstance(held_out, Excerpt) and len(held_out.tokens) >= LENGTH:
        found.append(judged(network, index, None, held_out.tokens[:LENGTH]))
    return tuple(found)


def judged(
    network: TrainedModel, index: SuffixIndex, temperature: float | None, ids: Int[np.ndarray, " length"]
) -> Written:
    """A text, and what of it is copied."""
    return Written(temperature, excerpt_of(network.vocabulary, "", ids), measure_originality(index, ids))


def write(network: TrainedModel, temperature: float, seed: int) -> Int[np.ndarray, " length"]:
    """`LENGTH` tokens from the beginning of a paragraph or line."""
    picker = make_picker(SamplingConfig(temperature=temperature), network.vocabulary)
    progress = begin_writing(network.model, network.params, network.opening_ids(), 1, seed)
    written = write_blocks(network.model, picker, network.params, progress, LENGTH, BLOCK)
    return np.concatenate([block[:, 0] for block in written]).astype(np.int32)
