"""How well a network predicts a text, in lines for people and in values for programs."""

import json
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from charloop.baselines.wording import baseline_values, label_lines, rank_rows, rank_values
from charloop.cli.terminal.documents import round_cost
from charloop.files.output import write_output

if TYPE_CHECKING:
    import numpy as np

    from charloop.data import Vocabulary
    from charloop.evaluation import Score

STDOUT = "-"
"""The target that stands for standard output."""


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
        "perplexity_per_word": score.perplexity_per_word,
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
    yield f"perplexity  {score.perplexity:.3f} per character"
    if score.perplexity_per_word is not None:
        yield f"            {score.perplexity_per_word:,.0f} per word"
    yield from label_lines(rank_rows(score.rank, score.baselines))


def character_records(
    tokens: "np.ndarray",
    nats: "np.ndarray",
    vocabulary: "Vocabulary",
    learned: "np.ndarray | None" = None,
) -> Iterator[dict[str, Any]]:
    """Yield a record of each predicted character, in order; `offset` counts from 0, so the first is 1.

    The end of a document has no character: null. Nor has its label, which `label` names. `learned`: the nats of the
    network that learns while it reads.
    """
    as_bytes = vocabulary.unit == "byte"
    symbols = [
        None
        if token in (vocabulary.end_id, *vocabulary.label_ids)
        else token
        if as_bytes
        else vocabulary.decode([token])
        for token in range(vocabulary.size)
    ]
    name = "byte" if as_bytes else "character"
    for offset, (token, loss) in enumerate(zip(tokens[1:], nats, strict=True), start=1):
        costs = {"nats": round_cost(loss), "bits": round_cost(float(loss) / math.log(2))}
        costs |= {} if learned is None else {"dynamic_nats": round_cost(learned[offset - 1])}
        label = vocabulary.label_of(int(token)) if vocabulary.labels else None
        yield {"offset": offset, name: symbols[token], **({} if label is None else {"label": label}), **costs}


def write_records(flag: str, target: str, lines: Iterator[dict[str, Any]], *, overwrite: bool) -> None:
    """Write the records to `target`, one ASCII line of JSON each; a file is complete or absent."""
    if target == STDOUT:
        for line in lines:
            sys.stdout.write(json.dumps(line) + "\n")
        return

    def write(file: BinaryIO) -> None:
        for line in lines:
            file.write(json.dumps(line).encode("ascii") + b"\n")

    write_output(flag, target, write, overwrite=overwrite)
