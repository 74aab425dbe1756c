"""charloop baselines: how well n-grams and compressors predict a text."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import tyro

from charloop.cli.flags.parsing import Switch, check_ranges, parse
from charloop.cli.flags.training import DataFlags
from charloop.cli.terminal.output import print_lines
from charloop.cli.terminal.progress import showing_progress
from charloop.config import DataConfig, RunConfig, TrainingConfig
from charloop.config.ranges import Seed
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.baselines import Baselines


@dataclass(frozen=True)
class BaselinesFlags(DataFlags):
    """Measure how well n-grams and compressors predict a text, without a network.

    They learn from the training text and predict the validation text.

    The text is read and split as by charloop train.
    """

    batch_size: tyro.conf.SuppressFixed[tyro.conf.Fixed[int]] = 1
    seq_length: tyro.conf.SuppressFixed[tyro.conf.Fixed[int]] = 1
    seed: Seed = 0
    """Seed of the random order of shuffle: the same as for charloop train."""
    json: Switch = False
    """Print one JSON object."""


def main(arguments: Sequence[str]) -> None:
    """Measure the baselines and print them."""
    flags = check_ranges(parse(BaselinesFlags, "baselines", arguments))
    if not flags.corpus:
        raise CharloopError(
            "no text to measure", do="give a file, a folder or a corpus: charloop baselines book.txt"
        )
    if not flags.validation_fraction:
        raise CharloopError("--validation-fraction", got=0.0, allowed="above 0", do="that part is predicted")

    from charloop.baselines import find_baselines
    from charloop.checkpoint.texts import read_corpus
    from charloop.data.notes import note_split

    data = DataConfig(**{field.name: getattr(flags, field.name) for field in fields(DataConfig)})
    with showing_progress() as listener:
        corpus = read_corpus(RunConfig(data, training=TrainingConfig(seed=flags.seed)), None, listener)
    cut = corpus.split(flags.validation_fraction, flags.test_fraction)
    train, text = corpus.tokens[cut.train], corpus.tokens[cut.validation]
    _, baselines = find_baselines(train, text, corpus.vocabulary)
    noted = note_split(corpus, cut, shuffled=flags.shuffle)
    notes = [*corpus.notes, *noted, *([baselines.portion] if baselines.portion else [])]
    facts = {"text": corpus.description, "train": len(train), "validation": len(text), "notes": notes}
    if flags.json:
        from charloop.baselines.wording import baseline_values

        print(json.dumps({**facts, "baselines": baseline_values(baselines)}))
    else:
        print_lines(text_lines(facts))
        print("\n".join(["", *baseline_table(baselines)]))


def text_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Yield what is known of the text."""
    yield f"text     {facts['text']}"
    yield f"split    {facts['train']:,} to learn from, {facts['validation']:,} to predict"
    yield from (f"note     {note}" for note in facts["notes"])


def baseline_table(baselines: "Baselines") -> list[str]:
    """Return a table for people, with the lowest loss marked as the one to beat."""
    from charloop.cli.terminal.tables import left, right, table_lines

    best = min(baselines.entries, key=lambda baseline: baseline.nats)
    rows = [
        (
            baseline.name,
            f"{baseline.nats:.4f}",
            f"{baseline.bits:.4f}",
            "the one to beat" if baseline is best else "",
        )
        for baseline in baselines.entries
    ]
    columns = [left("", 8), right("nats/char"), right("bits/char"), left("")]
    return table_lines(columns, rows)
