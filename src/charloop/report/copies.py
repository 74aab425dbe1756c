"""What the originality section shows: how much of what the network writes occurs verbatim in its training text."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Int, Integer

from charloop.originality import SuffixIndex, check_index_size, load_or_build_index, measure_originality
from charloop.report.excerpt import Excerpt, excerpt_of
from charloop.report.values import Missing, View, Written
from charloop.sampling import SamplingConfig
from charloop.sampling.compiled_loop import BLOCK, begin_writing, write_blocks
from charloop.sampling.pickers import make_picker
from charloop.trained import TrainedModel

TEMPERATURES = (0.2, 0.5, 0.8, 1.0)
LENGTH = 2000
"""Tokens written at each temperature. All texts have the same length, since longer texts have longer copies."""
MAX_QUOTED = 60
"""Characters of a verbatim passage in the table."""


def find_copies(
    network: TrainedModel,
    training: Callable[[], Integer[np.ndarray, " training"]],
    held_out: Excerpt | Missing | None,
    seed: int,
    tell: Callable[[str], object],
) -> tuple[Written, ...]:
    """Write a text at each temperature and measure what of it is in the training text.

    `held_out`, which people wrote, is measured too, for comparison.

    Raises CharloopError if the training text cannot be read again, has changed, or is too large for an index.
    """
    # The size is known before the text is read.
    size = network.run.text.get("train") if network.run else None
    check_index_size(size if isinstance(size, int) else 0)
    tell("reading the training text")
    index = load_or_build_index(network.vocabulary.remove_labels(training()))
    found = []
    for temperature in TEMPERATURES:
        tell(f"writing at temperature {temperature}")
        found.append(measure_copies(network, index, temperature, write_tokens(network, temperature, seed)))
    if isinstance(held_out, Excerpt) and len(held_out.tokens) >= LENGTH:
        found.append(measure_copies(network, index, None, held_out.tokens[:LENGTH]))
    return tuple(found)


def measure_copies(
    network: TrainedModel, index: SuffixIndex, temperature: float | None, ids: Int[np.ndarray, " length"]
) -> Written:
    """Return a text, and what of it is copied."""
    return Written(temperature, excerpt_of(network.vocabulary, "", ids), measure_originality(index, ids))


def write_tokens(network: TrainedModel, temperature: float, seed: int) -> Int[np.ndarray, " length"]:
    """Return `LENGTH` tokens, written from the beginning of a paragraph or line."""
    picker = make_picker(SamplingConfig(temperature=temperature), network.vocabulary)
    progress = begin_writing(network.model, network.params, network.opening_ids(), 1, seed)
    written = write_blocks(network.model, picker, network.params, progress, LENGTH, BLOCK)
    return np.concatenate([block[:, 0] for block in written]).astype(np.int32)


def view_copies(written: tuple[Written, ...], thing: str) -> View:
    """Return a table row for each text, and the texts split at their longest verbatim passage."""
    first = written[0].originality
    copied = f"copied, in passages of {first.threshold} or more"
    return {
        "heads": ("text", copied, "longest verbatim passage", "that passage"),
        "caption": f"{first.characters:,} {thing}s each",
        "texts": [view_text(one) for one in written],
    }


def view_text(one: Written) -> View:
    """Return one text's numbers, its longest verbatim passage, and the text around it."""
    parts = split_at_run(one)
    quoted = parts[1] if len(parts[1]) <= MAX_QUOTED else f"{parts[1][:MAX_QUOTED]}…"
    is_written = one.temperature is not None
    return {
        "name": f"temperature {one.temperature:g}" if is_written else "people: the validation text",
        "copied": f"{one.originality.copied:.0%}",
        "longest": f"{one.originality.longest:,}",
        "quoted": " ".join(quoted.split()),
        "parts": parts,
        "is_written": is_written,
    }


def split_at_run(one: Written) -> tuple[str, str, str]:
    """Return the text before its longest verbatim passage, the passage, and the text after it."""
    characters, found = one.excerpt.characters, one.originality
    start = sum(1 for last in one.excerpt.last if last < found.start)
    stop = sum(1 for first in one.excerpt.first if first < found.start + found.longest)
    return "".join(characters[:start]), "".join(characters[start:stop]), "".join(characters[stop:])
