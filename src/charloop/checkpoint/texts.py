"""The texts of a run: its training text, and one that a person chooses: a string, files, or a part of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from charloop.checkpoint.run_folder import RunFolder
from charloop.config import RunConfig
from charloop.conversion import convert
from charloop.data import Corpus, Split, Text, Vocabulary, load_corpus, need_stdin, refuse_streams
from charloop.data.decoding import Errors, TextChanges, check_encoding
from charloop.data.detecting import Encodings
from charloop.data.finding import MissingTextError
from charloop.data.forms import StringReader
from charloop.data.reading import EarlierReading, Reading
from charloop.data.unknown import UnknownCharacterError
from charloop.data.vocabulary import Unknown
from charloop.errors import CharloopError
from charloop.progress import ProgressListener


def read_corpus(
    config: RunConfig,
    vocabulary: Vocabulary | None,
    listener: ProgressListener | None = None,
    text: Text | None = None,
    *,
    unknown: Reading = "error",
    earlier: EarlierReading | None = None,
) -> Corpus:
    """Read the text that a configuration names, or `text` itself; `listener` receives the progress.

    `unknown` is what happens to characters that `vocabulary` lacks; `earlier` is as in `load_corpus`.
    """
    data = config.data
    if text is None and not data.corpus:
        raise CharloopError("no text to train on", do="give a file, a folder or a named corpus")
    how: dict[str, Any] = {"encoding": data.encoding, "unit": data.unit, "errors": data.errors}
    how |= {"min_count": data.min_count, "vocabulary": vocabulary, "listener": listener}
    how |= {"unknown": unknown, "earlier": earlier, "fields": data.fields}
    how |= {"documents": data.documents, "shuffle": config.training.seed if data.shuffle else None}
    how |= {"hold_out": data.hold_out}
    content = data.corpus if text is None else text.content
    if not isinstance(content, Corpus):
        return load_corpus(content, **how)
    if vocabulary not in (None, content.vocabulary):
        raise CharloopError("the given tokens are of another vocabulary", do="pass the text itself")
    return content


def read_own_corpus(
    folder: RunFolder, listener: ProgressListener | None = None, *, named: bool = False
) -> Corpus:
    """Read the training text of a run; CharloopError if it has changed.

    `named`: a person, not the run, has named its path, so it may be a pipe.
    """
    if not named:
        refuse_streams(folder.config.data.corpus)
        need_stdin(folder.config.data.corpus, folder.path)
    text = None if named else folder.need("text")
    earlier = _earlier_reading(folder)
    try:
        corpus = read_corpus(folder.config, folder.vocabulary, listener, text, earlier=earlier)
    except UnknownCharacterError:
        raise _changed(folder) from None
    except MissingTextError as error:
        if named:
            raise
        raise CharloopError(
            f"the text of {folder.path} is not there any more", got=error.got, do="put it back where it was"
        ) from None
    if corpus.content_hash != folder.text.get("content_hash"):
        raise _changed(folder)
    return corpus


def _earlier_reading(folder: RunFolder) -> EarlierReading:
    """Return what the run recorded of how its text was read: older runs recorded less."""
    # New characters have joined in the forms of the others, though other forms may be known now.
    new = folder.text.get("new_characters")
    old = (one for one in folder.vocabulary.symbols if one not in new) if isinstance(new, str) else ()
    try:
        found: Encodings | None = convert(folder.text.get("encodings"), dict[str, tuple[int, ...]] | None)
    except msgspec.ValidationError:
        found = None
    for encoding in found or ():
        check_encoding(encoding)
    return EarlierReading("".join(old), found)


def _changed(folder: RunFolder) -> CharloopError:
    if "-" in folder.config.data.corpus:
        return CharloopError(
            f"standard input is not the text that {folder.path} was trained on",
            do="give that text again, or name its file: charloop train --resume RUN FILE",
        )
    return CharloopError(
        f"the text of {folder.path} has changed since the run began",
        do=f"restore it, or start a new run from these weights with --init-from {folder.path}",
    )


def read_training_text(folder: RunFolder | None, listener: ProgressListener | None = None) -> np.ndarray:
    """Return the tokens of the training text of a run; CharloopError if there is no run, or the text has changed."""
    if folder is None:
        raise CharloopError("no training text to compare with", do="load the network from its run's folder")
    corpus = read_own_corpus(folder, listener)
    return corpus.tokens[split_corpus(folder.config, corpus).train]


def split_corpus(config: RunConfig, corpus: Corpus) -> Split:
    """Return how the text is divided into training, validation and test text."""
    return corpus.split(config.data.validation_fraction, config.data.test_fraction)


class ChosenText(NamedTuple):
    """A text to score: its name, tokens, notes on how it was read, and the training text for baselines."""

    name: str
    tokens: np.ndarray
    notes: tuple[str, ...] = ()
    training: np.ndarray | None = None


def read_chosen_text(
    folder: RunFolder,
    listener: ProgressListener | None = None,
    *,
    texts: Sequence[str] = (),
    text: str | None = None,
    part: str = "val",
    unknown: Unknown = "error",
    errors: Errors | None = None,
    encoding: str | None = None,
) -> ChosenText:
    """Read the string `text`, else the files `texts`, else a `part` of the run's own text, as the run's tokens.

    `errors`, `encoding`: of files; None: as in training.
    Raises CharloopError if it cannot be read, or if the run has no such part.
    """
    if text is not None:
        reader = StringReader(folder.vocabulary)
        tokens = folder.vocabulary.encode_text(reader.read(text), unknown)
        return ChosenText("the given string", tokens, (*reader.notes, *unknown_note(folder, tokens)))
    if texts:
        data = folder.config.data
        corpus = load_corpus(
            texts,
            encoding=encoding or data.encoding,
            errors=errors or data.errors,
            vocabulary=folder.vocabulary,
            unknown=unknown,
            fields=data.fields,
            listener=listener,
        )
        return ChosenText(corpus.description, corpus.tokens, corpus.notes)
    return read_split(folder, part, listener)


def unknown_note(folder: RunFolder, tokens: np.ndarray) -> tuple[str, ...]:
    """Return a note if some tokens are the unknown symbol."""
    return TextChanges(unknown_characters=folder.vocabulary.count_unknown(tokens)).notes()


def read_split(folder: RunFolder, part: str, listener: ProgressListener | None) -> ChosenText:
    """Read a part of the run's own text."""
    corpus = read_own_corpus(folder, listener)
    cut = split_corpus(folder.config, corpus)
    chosen = {"train": cut.train, "val": cut.validation, "test": cut.test}[part]
    if chosen.start == chosen.stop:
        flag = {"val": "--validation-fraction", "test": "--test-fraction"}[part]
        raise CharloopError(f"the run has no {part} text", do=f"train with {flag} to set one apart")
    tokens, training = corpus.tokens[chosen], None if part == "train" else corpus.tokens[cut.train]
    return ChosenText(f"{part} part of {corpus.description}", tokens, unknown_note(folder, tokens), training)
