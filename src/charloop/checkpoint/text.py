"""The text that a run was trained on, read again."""

import numpy as np

from charloop.checkpoint.run_folder import RunFolder
from charloop.config import RunConfig
from charloop.data import Corpus, ReadingListener, Vocabulary, load_corpus, refuse_streams, split
from charloop.errors import CharloopError


def read_corpus(
    config: RunConfig, vocabulary: Vocabulary | None, listener: ReadingListener | None = None
) -> Corpus:
    """The text a configuration names; `listener` is told how far the reading has come."""
    if not config.data.corpus:
        raise CharloopError("no text to train on", do="give a file, a folder or a named corpus")
    data = config.data
    return load_corpus(
        data.corpus,
        encoding=data.encoding,
        unit=data.unit,
        errors=data.errors,
        min_count=data.min_count,
        vocabulary=vocabulary,
        listener=listener,
    )


def read_own_corpus(
    folder: RunFolder, listener: ReadingListener | None = None, *, named: bool = False
) -> Corpus:
    """The text a run was trained on; CharloopError if it is no longer the same.

    `named`: where it is was said by a person and not by the run, so that it may be a pipe.
    """
    if not named:
        refuse_streams(folder.config.data.corpus)
    corpus = read_corpus(folder.config, folder.vocabulary, listener)
    if corpus.content_hash != folder.text.get("content_hash"):
        raise CharloopError(
            f"the text of {folder.path} has changed since the run began",
            do=f"restore it, or start a new run from these weights with --init-from {folder.path}",
        )
    return corpus


def read_training_text(folder: RunFolder, listener: ReadingListener | None = None) -> np.ndarray:
    """The tokens that a run was trained on; CharloopError if its text is no longer the same."""
    corpus, data = read_own_corpus(folder, listener), folder.config.data
    return corpus.tokens[split(len(corpus.tokens), data.validation_fraction, data.test_fraction).train]
