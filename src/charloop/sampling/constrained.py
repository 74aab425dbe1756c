"""Texts under constraints, one after the other, each in pieces."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Integer

from charloop.sampling.backing_up import Writer
from charloop.sampling.config import SamplingConfig
from charloop.sampling.constraints import Constraint
from charloop.sampling.ending import IdEnding
from charloop.sampling.pickers import Picker
from charloop.sampling.ticking import Chooser, Tick, Ticker
from charloop.sampling.vocabulary import TextVocabulary


def constrained(
    ticker: Ticker,
    first: Tick,
    prompt: Integer[np.ndarray, " prompt"],
    picker: Picker,
    vocabulary: TextVocabulary,
    config: SamplingConfig,
    constraints: Sequence[Constraint],
) -> Iterator[Iterator[str]]:
    """`num_samples` texts, each in pieces none of which is taken back, all from `first`, where `prompt` ends.

    Raises CharloopError while a text is written to which there is no way within bounds.
    """
    ending = ending_of(config, vocabulary)
    for sample in range(config.num_samples):
        chooser = Chooser(picker, config.seed, sample)
        writer = Writer(ticker, chooser, constraints, config.length, ending, vocabulary.unknown_id)
        yield _decoded(writer.write(first, prompt), vocabulary)


def ending_of(config: SamplingConfig, vocabulary: TextVocabulary) -> IdEnding:
    """Where a text of ids ends; a stop string that the vocabulary cannot write never comes."""
    stop = vocabulary.encode(config.stop or "", unknown="skip").tolist()
    newline = vocabulary.encode("\n", unknown="skip").tolist()
    known = vocabulary.decode(stop) == config.stop
    return IdEnding(tuple(stop) if known else (), newline[0] if newline else None, config.lines)


def _decoded(pieces: Iterator[Integer[np.ndarray, " count"]], vocabulary: TextVocabulary) -> Iterator[str]:
    decoder = vocabulary.decoder()
    for ids in pieces:
        yield decoder.feed(ids)
    yield decoder.flush()
