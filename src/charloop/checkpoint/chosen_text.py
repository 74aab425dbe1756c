"""The text that a person chooses for a run to read: a string, files, or a part of the run's own text."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from charloop.checkpoint.run_folder import RunFolder
from charloop.checkpoint.text import read_own_corpus
from charloop.data import ReadingListener, load_corpus, split_tokens
from charloop.data.decoding import TextChanges
from charloop.errors import CharloopError


class TextChoice(NamedTuple):
    """The string `text` if there is one, or the files `texts`, or that part of the run's own text, else "val"."""

    texts: Sequence[str]
    text: str | None
    part: str | None
    unknown: Literal["error", "skip"]
    errors: Literal["strict", "replace"] | None


class ChosenText(NamedTuple):
    """A text to score: its name, tokens, notes on how it was read, and the training text for baselines."""

    name: str
    tokens: np.ndarray
    notes: tuple[str, ...] = ()
    training: np.ndarray | None = None


def read_chosen_text(
    folder: RunFolder, wanted: TextChoice, listener: ReadingListener | None = None
) -> ChosenText:
    """The chosen text, as tokens of the run's vocabulary; `listener` hears how far the reading has come.

    Raises CharloopError where it cannot be read, or the run set no such part apart.
    """
    if wanted.text is not None:
        tokens = folder.vocabulary.encode(wanted.text, wanted.unknown)
        return ChosenText("the given string", tokens, unknown_note(folder, tokens))
    if wanted.texts:
        data = folder.config.data
        corpus = load_corpus(
            wanted.texts,
            encoding=data.encoding,
            errors=wanted.errors or data.errors,
            vocabulary=folder.vocabulary,
            unknown=wanted.unknown,
            listener=listener,
        )
        return ChosenText(corpus.description, corpus.tokens, corpus.notes)
    return read_split(folder, wanted.part or "val", listener)


def unknown_note(folder: RunFolder, tokens: np.ndarray) -> tuple[str, ...]:
    """What to say of tokens of which some are the unknown symbol."""
    return TextChanges(unknown_characters=folder.vocabulary.count_unknown(tokens)).notes()


def read_split(folder: RunFolder, part: str, listener: ReadingListener | None = None) -> ChosenText:
    """The part of the run's own text that was set apart."""
    data = folder.config.data
    corpus = read_own_corpus(folder, listener)
    cut = split_tokens(len(corpus.tokens), data.validation_fraction, data.test_fraction)
    chosen = {"train": cut.train, "val": cut.validation, "test": cut.test}[part]
    if chosen.start == chosen.stop:
        flag = {"val": "--validation-fraction", "test": "--test-fraction"}[part]
        raise CharloopError(f"the run has no {part} text", do=f"it is set apart by {flag} when training")
    tokens, training = corpus.tokens[chosen], None if part == "train" else corpus.tokens[cut.train]
    return ChosenText(f"{part} part of {corpus.description}", tokens, unknown_note(folder, tokens), training)
