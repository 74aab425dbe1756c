"""Writing text: a prompt in characters, new text out, whole or as it comes."""

from collections.abc import Iterator, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Integer

from charloop.devices import batch_sharding
from charloop.errors import CharloopError
from charloop.sampling.before import NOTHING, Before
from charloop.sampling.config import SamplingConfig
from charloop.sampling.constrained import constrained
from charloop.sampling.constraints import Constraint
from charloop.sampling.ending import Ending
from charloop.sampling.filters import Chain, LogitFilter, MinP, Temperature, TopK, TopP
from charloop.sampling.pickers import AtWordStarts, Greedy, Never, Picker, Sample
from charloop.sampling.reading import LanguageModel, begin, lanes_for, mesh_for
from charloop.sampling.ticking import Ticker
from charloop.sampling.vocabulary import TextVocabulary
from charloop.sampling.writing import BLOCK, blocks
from charloop.types import Parameters

STREAM_BLOCK = 32
"""Characters of a stream's first piece: few enough to come at once."""


def generate(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str = "",
    config: SamplingConfig | None = None,
    constraints: Sequence[Constraint] = (),
    *,
    before: Before = NOTHING,
) -> list[str]:
    """The `num_samples` texts that follow `prompt`, without it; the prompt is read after `before`.

    Sample s is the same however many there are (as far as the model's products round alike for all batch sizes).
    With neither there is something to read still: see `opening`. With `constraints` each text keeps to all of them;
    what has led into a corner is taken back. Raises CharloopError for a character of the prompt that the vocabulary
    lacks (unless they are skipped), for a model whose logits are not finite, and if nothing keeps to the constraints.
    """
    config = config or SamplingConfig()
    if constraints:
        return [
            "".join(text)
            for text in _constrained(model, params, vocabulary, prompt, config, constraints, before)
        ]
    pieces = _pieces(model, params, vocabulary, prompt, config, BLOCK, before)
    return ["".join(sample) for sample in zip(*pieces, strict=True)]


def stream(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str = "",
    config: SamplingConfig | None = None,
    constraints: Sequence[Constraint] = (),
    *,
    before: Before = NOTHING,
) -> Iterator[str]:
    """The text that `generate` returns for one sample, in pieces as they come.

    No part of the stop string is ever given out, nor anything that may yet be taken back. Raises CharloopError as
    `generate` does, for the prompt at once, and for more than one sample.
    """
    config = config or SamplingConfig()
    if config.num_samples != 1:
        raise CharloopError(
            "num_samples of a stream", got=config.num_samples, allowed="1", do="generate several"
        )
    if constraints:
        (text,) = _constrained(model, params, vocabulary, prompt, config, constraints, before)
        return (piece for piece in text if piece)
    pieces = _pieces(model, params, vocabulary, prompt, config, STREAM_BLOCK, before)
    return (piece for (piece,) in pieces if piece)


def picker_of(config: SamplingConfig, vocabulary: TextVocabulary) -> Picker:
    """How `config` says to choose, and never the unknown sign."""
    picker, unknown = chooser_of(config, vocabulary), vocabulary.unknown_id
    return picker if unknown is None else Never(picker, jnp.array([unknown], jnp.int32))


def chooser_of(config: SamplingConfig, vocabulary: TextVocabulary) -> Picker:
    """How `config` says to choose: the likeliest at temperature 0, else by chance from what its filters leave."""
    if config.temperature == 0:
        return Greedy()
    picker = Sample(filters_of(config, vocabulary))
    return picker if config.mode == "always" else AtWordStarts(picker, jnp.asarray(_whitespace(vocabulary)))


def filters_of(config: SamplingConfig, vocabulary: TextVocabulary) -> Chain:
    """Temperature (above 0) first, then top-k, top-p and min-p, those that are on."""
    filters: list[LogitFilter] = [Temperature(float(config.temperature))]
    if config.top_k:
        filters.append(TopK(min(config.top_k, vocabulary.size)))
    if config.top_p < 1:
        filters.append(TopP(float(config.top_p)))
    if config.min_p:
        filters.append(MinP(float(config.min_p)))
    return Chain(tuple(filters))


def beginning(
    vocabulary: TextVocabulary,
    prompt: Integer[np.ndarray, " prompt"],
    before: Before,
    unknown: Literal["error", "skip"],
) -> Integer[np.ndarray, " read"]:
    """All that is read before the first new character, at least one id: `before`, then `prompt`, else `opening`."""
    read = np.concatenate([before.ids(vocabulary, prompt, unknown), prompt])
    return read if len(read) else opening(vocabulary)


def opening(vocabulary: TextVocabulary) -> Integer[np.ndarray, " 1"]:
    """What is read where nothing is given: a new line, or else the first whitespace, or else id 0."""
    newline = vocabulary.encode("\n", unknown="skip")
    # argmax of nothing but False is 0.
    return newline if len(newline) else np.array([np.argmax(_whitespace(vocabulary))], np.int32)


def _whitespace(vocabulary: TextVocabulary) -> np.ndarray:
    """Which ids are white space."""
    together = vocabulary.decode(np.arange(vocabulary.size))
    alone = len(together) == vocabulary.size
    texts = together if alone else [vocabulary.decode([index]) for index in range(vocabulary.size)]
    return np.array([text.isspace() for text in texts])


def _pieces(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str,
    config: SamplingConfig,
    block: int,
    before: Before,
) -> Iterator[list[str]]:
    """Pieces of all samples, side by side; the prompt is read before this returns."""
    ids = vocabulary.encode(prompt, unknown=config.unknown)
    ids = beginning(vocabulary, ids, before, config.unknown)
    picker = picker_of(config, vocabulary)
    width = lanes_for(config.num_samples)
    # Once: weights that lie elsewhere would be copied at every block.
    params = jax.device_put(params, batch_sharding(mesh_for(width)))
    progress = begin(model, params, ids, width, config.seed)

    lanes = [_Lane(vocabulary, config) for _ in range(config.num_samples)]
    return _until_done(lanes, blocks(model, picker, params, progress, config.length, block))


def _constrained(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str,
    config: SamplingConfig,
    constraints: Sequence[Constraint],
    before: Before,
) -> Iterator[Iterator[str]]:
    """Each sample in pieces; the prompt is read before this returns.

    Constraints see the prompt, and a context that it goes on from, but no prefix.
    """
    for each in constraints:
        each.check(config.length)
    ids = vocabulary.encode(prompt, unknown=config.unknown)
    ticker = Ticker(model, params)
    read = beginning(vocabulary, ids, before, config.unknown)
    first, picker = ticker.begin(read), picker_of(config, vocabulary)
    seen = np.concatenate([before.ids(vocabulary, ids, config.unknown), ids]) if before.is_context else ids
    return constrained(ticker, first, seen, picker, vocabulary, config, constraints)


def _until_done(
    lanes: list["_Lane"], written: Iterator[Integer[np.ndarray, "count batch"]]
) -> Iterator[list[str]]:
    """What each lane shows of each block, until none has more to show; then what they held back."""
    for ids in written:
        yield [lane.feed(ids[:, index]) for index, lane in enumerate(lanes)]
        if all(lane.done for lane in lanes):
            return
    yield [lane.finish() for lane in lanes]


class _Lane:
    """One sample's way from ids to the text that is shown."""

    def __init__(self, vocabulary: TextVocabulary, config: SamplingConfig) -> None:
        self._decoder, self._ending = vocabulary.decoder(), Ending(config.stop, config.lines)

    @property
    def done(self) -> bool:
        return self._ending.done

    def feed(self, ids: Integer[np.ndarray, " count"]) -> str:
        return self._ending.feed(self._decoder.feed(ids))

    def finish(self) -> str:
        return self._ending.feed(self._decoder.flush()) + self._ending.flush()
