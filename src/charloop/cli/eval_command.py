"""charloop eval: how well a trained network predicts a text."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.arguments import Switch, check_ranges, parse
from charloop.cli.bench_figures import progress
from charloop.cli.wording import describe_reading
from charloop.config import NonNegativeCount
from charloop.errors import CharloopError

if TYPE_CHECKING:
    import numpy as np

    from charloop.checkpoint import RunFolder
    from charloop.data import ReadingListener
    from charloop.evaluation import Score


@dataclass(frozen=True)
class EvalFlags:
    """How well a trained network predicts a text, in nats and bits per character.

    Without a text: the run's own validation text.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A run's folder."""
    texts: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[TEXT ...]", help_behavior_hint="")
    ] = ()
    """Files, folders, globs, - or named corpora: scored as one text."""
    text: str | None = None
    """Score this very string."""
    split: Literal["train", "val", "test"] | None = None
    """Score this part of the text that the run was trained on."""
    limit: NonNegativeCount = 0
    """Score about so many characters, from all over the text; 0: every one."""
    unknown: Literal["error", "skip"] = "error"
    """Characters that the network never saw: refuse the text, or leave them out. A network that was trained with
    --min-count reads them as its unknown sign instead of refusing, and is told only that one of them comes."""
    errors: Literal["strict", "replace"] | None = None
    """Bytes that are no characters: refuse the text, or read U+FFFD in their place; as in training if left out."""
    json: Switch = False
    """Print one JSON object."""
    weights: Literal["best", "last"] = "best"
    """The weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""


def main(arguments: Sequence[str]) -> None:
    """Score one text and print what came out."""
    flags = check_ranges(parse(EvalFlags, "eval", arguments))
    if sum([bool(flags.texts), flags.text is not None, flags.split is not None]) > 1:
        raise CharloopError("more than one text to score", do="give files, or --text, or --split")

    from charloop.cli.programs import keep_programs
    from charloop.devices import offer_cores

    offer_cores()
    keep_programs()
    from charloop.checkpoint import RunFolder
    from charloop.trained import load_run

    folder = RunFolder.open(flags.run, cell=flags.cell)
    network = load_run(folder, weights=flags.weights)
    name, tokens, notes = read_text(folder, flags)
    score = network.score(tokens, flags.limit or None)
    report(name, score, (*network.notes, *notes), as_json=flags.json)


def read_text(folder: "RunFolder", flags: EvalFlags) -> "tuple[str, np.ndarray, tuple[str, ...]]":
    """What to call the text, its tokens, and what there is to say of it."""
    from charloop.data import load_corpus

    if flags.text is not None:
        tokens = folder.vocabulary.encode(flags.text, flags.unknown)
        return "the given string", tokens, unknown_note(folder, tokens)
    if flags.texts:
        data = folder.config.data
        with reading() as listener:
            corpus = load_corpus(
                flags.texts,
                encoding=data.encoding,
                errors=flags.errors or data.errors,
                vocabulary=folder.vocabulary,
                unknown=flags.unknown,
                listener=listener,
            )
        return corpus.description, corpus.tokens, corpus.notes
    return read_split(folder, flags.split or "val")


def unknown_note(folder: "RunFolder", tokens: "np.ndarray") -> tuple[str, ...]:
    """What to say of tokens of which some are the unknown sign."""
    from charloop.data.decoding import Tally

    return Tally(unknown_characters=folder.vocabulary.count_unknown(tokens)).notes()


@contextmanager
def reading() -> "Iterator[ReadingListener]":
    """A listener that says on a terminal how far the reading of a text is; what it said goes at the end."""
    begun = time.monotonic()
    try:
        yield lambda told: progress(describe_reading(told, time.monotonic() - begun))
    finally:
        progress()


def read_split(folder: "RunFolder", part: str) -> "tuple[str, np.ndarray, tuple[str, ...]]":
    """The part of the run's own text that was set apart."""
    from charloop.data import split
    from charloop.training.run import read_own_corpus

    data = folder.config.data
    with reading() as listener:
        corpus = read_own_corpus(folder, listener)
    cut = split(len(corpus.tokens), data.validation_fraction, data.test_fraction)
    chosen = {"train": cut.train, "val": cut.validation, "test": cut.test}[part]
    if chosen.start == chosen.stop:
        flag = {"val": "--validation-fraction", "test": "--test-fraction"}[part]
        raise CharloopError(f"the run has no {part} text", do=f"it is set apart by {flag} when training")
    tokens = corpus.tokens[chosen]
    return f"{part} part of {corpus.description}", tokens, unknown_note(folder, tokens)


def report(name: str, score: "Score", notes: tuple[str, ...], *, as_json: bool) -> None:
    """Print the score."""
    if as_json:
        values = {
            "text": name,
            "characters": score.characters,
            "nats_per_character": score.loss,
            "bits_per_character": score.bits_per_character,
            "perplexity": score.perplexity,
            "notes": list(notes),
        }
        print(json.dumps(values))
        return
    for line in lines(name, score, notes):
        print(line)


def lines(name: str, score: "Score", notes: tuple[str, ...]) -> Iterator[str]:
    """The score for people."""
    yield f"text        {name}"
    yield from (f"note        {note}" for note in notes)
    yield f"characters  {score.characters:,} predicted"
    yield f"nats/char   {score.loss:.4f}"
    yield f"bits/char   {score.bits_per_character:.4f}"
    yield f"perplexity  {score.perplexity:.3f}"
