"""The public calls: a prompt in, new text out, whole or in pieces."""

from collections.abc import Iterator, Sequence

import jax
import numpy as np
from jaxtyping import Integer

from charloop.devices import batch_sharding
from charloop.errors import CharloopError
from charloop.sampling.along_text import begin_ages
from charloop.sampling.bias import find_forbidden
from charloop.sampling.compiled_loop import BLOCK, begin_writing, choose_mesh, round_up_batch, write_blocks
from charloop.sampling.config import SamplingConfig
from charloop.sampling.constraints import Constraint
from charloop.sampling.constraints.backtracking import BacktrackingWriter
from charloop.sampling.ending import Ending, check_lines, make_id_ending
from charloop.sampling.host_loop import Chooser, HostLoop
from charloop.sampling.pickers import make_picker
from charloop.sampling.prompt import NO_BEGINNING, Beginning, find_text, prepend_beginning
from charloop.sampling.protocols import Decoder, LanguageModel, TextVocabulary
from charloop.types import Parameters

STREAM_BLOCK = 32
"""Characters in the first piece of a stream: few, so that it appears at once."""


def generate_texts(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str = "",
    config: SamplingConfig | None = None,
    constraints: Sequence[Constraint] = (),
    *,
    beginning: Beginning = NO_BEGINNING,
) -> list[str]:
    """Return `num_samples` texts that follow `prompt`, without it. The prompt is read after `beginning`.

    Sample s does not depend on their number (as far as the model's products round alike for all batch sizes).
    With `constraints`, each text satisfies all of them; what leads to a dead end is taken back. Raises CharloopError
    for a character of the prompt that the vocabulary lacks (unless they are skipped), for `lines` where it has no
    newline, for a model whose logits are not finite, and if no text that satisfies the constraints is found.
    """
    config = config or SamplingConfig()
    check_lines(config, vocabulary)
    if constraints:
        texts = _write_constrained(model, params, vocabulary, prompt, config, constraints, beginning)
        return ["".join(text) for text in texts]
    pieces = _write_pieces(model, params, vocabulary, prompt, config, BLOCK, beginning)
    return ["".join(sample) for sample in zip(*pieces, strict=True)]


def stream_text(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str = "",
    config: SamplingConfig | None = None,
    constraints: Sequence[Constraint] = (),
    *,
    beginning: Beginning = NO_BEGINNING,
) -> Iterator[str]:
    """Yield the text that `generate_texts` returns for one sample, in pieces as they are written.

    No piece contains a part of a stop string, or what may still be taken back. Raises CharloopError as
    `generate_texts` does (for the prompt, before the first piece is asked for), and for more than one sample.
    """
    config = config or SamplingConfig()
    if config.num_samples != 1:
        raise CharloopError(
            "num_samples of a stream", got=config.num_samples, allowed="1", do="generate several"
        )
    check_lines(config, vocabulary)
    if constraints:
        (text,) = _write_constrained(model, params, vocabulary, prompt, config, constraints, beginning)
        return (piece for piece in text if piece)
    pieces = _write_pieces(model, params, vocabulary, prompt, config, STREAM_BLOCK, beginning)
    return (piece for (piece,) in pieces if piece)


def _write_pieces(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str,
    config: SamplingConfig,
    block: int,
    beginning: Beginning,
) -> Iterator[list[str]]:
    """Yield the next piece of each sample. The prompt is read before this returns."""
    ids = vocabulary.encode(prompt, unknown=config.unknown)
    ages = begin_ages(config, vocabulary, find_text(vocabulary, ids, beginning, config.unknown))
    ids = prepend_beginning(vocabulary, ids, beginning, config.unknown)
    batch_size = round_up_batch(config.num_samples)
    # Once: weights on other devices would be copied at every block.
    params = jax.device_put(params, batch_sharding(choose_mesh(batch_size)))
    writing = begin_writing(model, params, ids, batch_size, config.seed, ages=ages)
    picker = make_picker(config, vocabulary)
    blocks = write_blocks(model, picker, params, writing, config.length, block)
    samples = [(vocabulary.decoder(), Ending(config.stops, config.lines)) for _ in range(config.num_samples)]
    return _decode_blocks(blocks, samples, -1 if vocabulary.end_id is None else vocabulary.end_id)


def _decode_blocks(
    blocks: Iterator[Integer[np.ndarray, "count batch"]], samples: list[tuple[Decoder, Ending]], end: int
) -> Iterator[list[str]]:
    """Yield what each sample shows of each block until all have ended, then what they held back.

    A sample ends before the id `end`, if not earlier.
    """
    for ids in blocks:
        yield [
            _decode_until(end, ids[:, row], decoder, ending) for row, (decoder, ending) in enumerate(samples)
        ]
        if all(ending.done for _, ending in samples):
            return
    yield [ending.feed(decoder.flush()) + ending.flush() for decoder, ending in samples]


def _decode_until(end: int, ids: Integer[np.ndarray, " count"], decoder: Decoder, ending: Ending) -> str:
    """Return what a sample shows of its next `ids`; the id `end` ends it."""
    ends = np.flatnonzero(ids == end)
    if not ends.size:
        return ending.feed(decoder.feed(ids))
    return ending.feed(decoder.feed(ids[: ends[0]]) + decoder.flush()) + ending.flush()


def _write_constrained(
    model: LanguageModel,
    params: Parameters,
    vocabulary: TextVocabulary,
    prompt: str,
    config: SamplingConfig,
    constraints: Sequence[Constraint],
    beginning: Beginning,
) -> Iterator[Iterator[str]]:
    """Yield each sample in pieces. The prompt is read before this returns.

    Constraints see the prompt, and a context that it continues, but no prefix.
    """
    for each in constraints:
        each.check(config.length)
    ids = vocabulary.encode(prompt, unknown=config.unknown)
    loop, seen = HostLoop(model, params), find_text(vocabulary, ids, beginning, config.unknown)
    read = prepend_beginning(vocabulary, ids, beginning, config.unknown)
    first = loop.begin(read, begin_ages(config, vocabulary, seen))
    picker, ending = make_picker(config, vocabulary), make_id_ending(config, vocabulary)
    never = find_forbidden(config, vocabulary)

    def write(sample: int) -> Iterator[str]:
        chooser = Chooser(picker, config.seed, sample)
        writer = BacktrackingWriter(loop, chooser, constraints, config.length, ending, never)
        decoder = vocabulary.decoder()
        yield from (decoder.feed(piece) for piece in writer.write(first, seen))
        yield decoder.flush()

    return map(write, range(config.num_samples))
