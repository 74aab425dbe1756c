"""The output of `charloop eval`: for people, and as values for JSON."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from charloop.baselines.wording import baseline_values, label_lines, rank_rows, rank_values

if TYPE_CHECKING:
    from charloop.evaluation import Score


def score_values(name: str, read_from: str, score: "Score", notes: tuple[str, ...]) -> dict[str, Any]:
    """Return the score as plain values, for JSON."""
    interval, rank, baselines = score.interval, score.rank, score.baselines
    return {
        "text": name,
        "read_from": read_from,
        "characters": score.characters,
        "nats_per_character": score.loss,
        "bits_per_character": score.bits_per_character,
        "perplexity": score.perplexity if math.isfinite(score.perplexity) else None,
        "interval": interval
        and {
            "confidence": interval.confidence,
            "nats_per_character": [interval.low, interval.high],
            "bits_per_character": list(interval.bits),
            "blocks": interval.blocks,
            "block_length": interval.block_length,
        },
        "rank": rank_values(rank) if rank else None,
        "baselines": baseline_values(baselines) if baselines else None,
        "notes": [*notes, *([baselines.portion] if baselines and baselines.portion else [])],
    }


def score_lines(name: str, read_from: str, score: "Score", notes: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines that people read."""
    yield f"text        {name}"
    yield from (f"note        {note}" for note in notes)
    yield f"read from   {read_from}"
    yield f"characters  {score.characters:,} predicted"
    yield f"nats/char   {score.loss:.4f}"
    yield f"bits/char   {score.bits_per_character:.4f}"
    if score.interval:
        low, high = score.interval.bits
        yield f"interval    {low:.4f} to {high:.4f} bits/char, {score.interval.confidence:.0%} confidence"
        yield f"            over {score.interval.blocks} blocks of {score.interval.block_length:,}"
    yield f"perplexity  {score.perplexity:.3f}"
    yield from label_lines(rank_rows(score.rank, score.baselines))
