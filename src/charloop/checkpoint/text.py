"""The text that a run was trained on, read again."""

from typing import Any

import numpy as np

from charloop.checkpoint.run_folder import RunFolder
from charloop.config import RunConfig
from charloop.data import Corpus, ReadingListener, Text, Vocabulary, load_corpus, refuse_streams, split_tokens
from charloop.data.corpus import read_sources
from charloop.errors import CharloopError


def read_corpus(
    config: RunConfig,
    vocabulary: Vocabulary | None,
    listener: ReadingListener | None = None,
    text: Text | None = None,
) -> Corpus:
    """The text a configuration names, or the `text` itself; `listener` is told how far the reading has come."""
    data = config.data
    if text is None and not data.corpus:
        raise CharloopError("no text to train on", do="give a file, a folder or a named corpus")
    how: dict[str, Any] = {"encoding": data.encoding, "unit": data.unit, "errors": data.errors}
    how |= {"min_count": data.min_count, "vocabulary": vocabulary, "listener": listener}
    if text is None:
        return load_corpus(data.corpus, **how)
    return (
        as_tokens(text.content, vocabulary)
        if isinstance(text.content, Corpus)
        else read_sources(text.content, **how)
    )


def as_tokens(corpus: Corpus, vocabulary: Vocabulary | None) -> Corpus:
    """`corpus`; CharloopError if it is not of `vocabulary`, where there is one."""
    if vocabulary not in (None, corpus.vocabulary):
        raise CharloopError("the tokens given are of another vocabulary", do="give the text itself")
    return corpus


def read_own_corpus(
    folder: RunFolder, listener: ReadingListener | None = None, *, named: bool = False
) -> Corpus:
    """The text a run was trained on; CharloopError if it is no longer the same.

    `named`: where it is was said by a person and not by the run, so that it may be a pipe.
    """
    if not named:
        refuse_streams(folder.config.data.corpus)
    text = None if named else folder.need("text")
    corpus = read_corpus(folder.config, folder.vocabulary, listener, text)
    if corpus.content_hash != folder.text.get("content_hash"):
        raise CharloopError(
            f"the text of {folder.path} has changed since the run began",
            do=f"restore it, or start a new run from these weights with --init-from {folder.path}",
        )
    return corpus


def read_training_text(folder: RunFolder, listener: ReadingListener | None = None) -> np.ndarray:
    """The tokens that a run was trained on; CharloopError if its text is no longer the same."""
    corpus, data = read_own_corpus(folder, listener), folder.config.data
    return corpus.tokens[split_tokens(len(corpus.tokens), data.validation_fraction, data.test_fraction).train]
