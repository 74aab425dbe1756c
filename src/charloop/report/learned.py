"""What the network learned while it read the text: the cost of each character with and without that."""

import math

import numpy as np
from jaxtyping import Float

from charloop.display import SURPRISE, name_ranges
from charloop.evaluation import Score
from charloop.report.excerpt import Excerpt
from charloop.report.values import Learned, View

PARTS = 10
"""Parts of the text whose losses are listed, so that one sees the network learn."""


def view_learned(excerpt: Excerpt, learned: Learned, thing: str) -> View:
    """Return the text, a summary in words, and the losses along the text."""
    return {
        "words": describe_gain(excerpt.name, learned, thing),
        "legend": name_ranges([level.bits for level in SURPRISE]),
        "text": "".join(excerpt.characters),
        "parts": list_parts(learned),
    }


def bits_of(score: Score) -> Float[np.ndarray, " predicted"]:
    """Return the bits that each predicted token cost."""
    assert score.per_character is not None
    return np.asarray(score.per_character, float) / math.log(2)


def describe_gain(name: str, learned: Learned, thing: str) -> str:
    """Return both losses in words, each with its confidence interval, and their difference."""
    static, dynamic = (
        f"{score.bits_per_character:.3f} bits per {thing}"
        + (f" ({score.interval.bits[0]:.3f} to {score.interval.bits[1]:.3f})" if score.interval else "")
        for score in (learned.static, learned.dynamic)
    )
    count = learned.static.characters
    words = (
        f"Over all {count:,} {thing}s of {name}: {static} with the trained weights, and {dynamic} "
        f"if the network learns from each {learned.segment} {thing}s after it has predicted them."
    )
    if learned.gain:
        nats, low, high = learned.gain.bits
        words += f" The difference is {nats:+.3f} ({low:+.3f} to {high:+.3f}; 95 % confidence)."
    return words


def list_parts(learned: Learned) -> list[tuple[str, ...]]:
    """Return table rows: a part of the text, its bits per token without and with learning, and their difference."""
    static, dynamic = bits_of(learned.static), bits_of(learned.dynamic)
    edges = np.linspace(0, len(static), min(PARTS, len(static)) + 1).astype(int)
    rows: list[tuple[str, ...]] = []
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        one, two = float(static[start:stop].mean()), float(dynamic[start:stop].mean())
        rows.append((f"{start + 1:,} to {stop:,}", f"{one:.3f}", f"{two:.3f}", f"{two - one:+.3f}"))
    return rows
