"""The texts that `charloop eval` can be asked to score."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from charloop.cli.terminal.output import progress
from charloop.errors import CharloopError
from charloop.wording import describe_reading

if TYPE_CHECKING:
    import numpy as np

    from charloop.checkpoint import RunFolder
    from charloop.data import ReadingListener


class Wanted(NamedTuple):
    """The string `text` if there is one, or the files `texts`, or that part of the run's own text, else "val"."""

    texts: Sequence[str]
    text: str | None
    part: str | None
    unknown: Literal["error", "skip"]
    errors: Literal["strict", "replace"] | None


class Given(NamedTuple):
    """A text to score: what to call it, what there is to say of it, and what baselines would learn from."""

    name: str
    tokens: "np.ndarray"
    notes: tuple[str, ...] = ()
    training: "np.ndarray | None" = None


def read_text(folder: "RunFolder", wanted: Wanted) -> Given:
    """The text that is asked for."""
    from charloop.data import load_corpus

    if wanted.text is not None:
        tokens = folder.vocabulary.encode(wanted.text, wanted.unknown)
        return Given("the given string", tokens, unknown_note(folder, tokens))
    if wanted.texts:
        data = folder.config.data
        with reading() as listener:
            corpus = load_corpus(
                wanted.texts,
                encoding=data.encoding,
                errors=wanted.errors or data.errors,
                vocabulary=folder.vocabulary,
                unknown=wanted.unknown,
                listener=listener,
            )
        return Given(corpus.description, corpus.tokens, corpus.notes)
    return read_split(folder, wanted.part or "val")


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


def read_split(folder: "RunFolder", part: str) -> Given:
    """The part of the run's own text that was set apart."""
    from charloop.checkpoint.text import read_own_corpus
    from charloop.data import split

    data = folder.config.data
    with reading() as listener:
        corpus = read_own_corpus(folder, listener)
    cut = split(len(corpus.tokens), data.validation_fraction, data.test_fraction)
    chosen = {"train": cut.train, "val": cut.validation, "test": cut.test}[part]
    if chosen.start == chosen.stop:
        flag = {"val": "--validation-fraction", "test": "--test-fraction"}[part]
        raise CharloopError(f"the run has no {part} text", do=f"it is set apart by {flag} when training")
    tokens, training = corpus.tokens[chosen], None if part == "train" else corpus.tokens[cut.train]
    return Given(f"{part} part of {corpus.description}", tokens, unknown_note(folder, tokens), training)
