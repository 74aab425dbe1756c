"""Documents that are few, short, sorted, or in both the training and the validation text."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from jaxtyping import Integer

from charloop.data.corpus import Corpus
from charloop.data.split import Split
from charloop.data.token_file import BLOCK_TOKENS

MAX_COMPARED = 200_000
"""Training documents that are compared with validation documents, and the other way round."""
MIN_SORTED = 50
"""Fewer documents may be in order by accident."""
SORTED = 0.9
"""Correlation between the order of documents and their alphabetical order, above which they are sorted."""
FEW = 10
"""Fewer documents teach a network little about how one begins and ends."""
MIN_REPEATED = 0.005
"""Share of the validation documents; fewer do not change the loss."""
SHORT = 2
"""Characters of a document that is hardly one."""
KEY_BYTES = 32
"""The beginning of a document, which decides its place in the alphabet."""


@dataclass
class _Documents:
    """Up to `MAX_COMPARED` documents of a part of a text."""

    digests: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, tokens: Integer[np.ndarray, " length"], end: int, labels: range) -> "_Documents":
        found = cls()
        for one in islice(each_document(tokens, end, labels), MAX_COMPARED):
            found.digests.append(digest(one))
            found.keys.append(one[:KEY_BYTES])
            found.lengths.append(len(one) // tokens.itemsize)
        return found


def note_documents(corpus: Corpus, split: Split, *, shuffled: bool) -> tuple[str, ...]:
    """Return notes on documents that are few or short, sorted, or in both the training and the validation text."""
    end, rule, labels = corpus.vocabulary.end_id, corpus.vocabulary.documents, corpus.vocabulary.label_ids
    if end is None:
        return ()
    training = _Documents.of(corpus.tokens[split.train], end, labels)
    held_out = corpus.tokens[split.validation]
    validation = _Documents.of(held_out, end, labels) if split.sizes[1] else _Documents()
    return (
        *note_kind(training.lengths, rule),
        *(note_order(training.keys) if validation.lengths and not shuffled else ()),
        *note_validation(training, validation),
    )


def note_kind(lengths: list[int], rule: str) -> Iterator[str]:
    """Note documents so few or so short that something else may divide the text."""
    doubt = f"does '{rule}' divide this text as you mean it? --documents takes other separators"
    if len(lengths) < FEW:
        count = "one document" if len(lengths) == 1 else f"only {len(lengths)} documents"
        yield f"the training text is {count}, too few to learn how one begins and ends: {doubt}"
    elif (median := int(np.median(lengths))) <= SHORT:
        size = "1 character" if median == 1 else f"{median} characters"
        yield f"half of the documents have at most {size}: {doubt}"


def note_order(keys: list[bytes]) -> Iterator[str]:
    """Note documents in alphabetical order, or in the reverse order; also nearly, as in several sorted files."""
    _, ranks = np.unique(keys, return_inverse=True)
    if len(keys) < MIN_SORTED or not ranks.any():
        return
    if abs(np.corrcoef(ranks, np.arange(len(keys)))[0, 1]) > SORTED:
        yield (
            "the documents are sorted, so those held out begin differently from those trained on;"
            " --shuffle mixes them"
        )


def note_validation(training: _Documents, validation: _Documents) -> Iterator[str]:
    """Note a validation text of one document, and documents that stand in the training text too."""
    if len(validation.lengths) == 1 and len(training.lengths) >= FEW:
        yield "the validation text is one document, so its loss says little: raise --validation-fraction"
    known = set(training.digests)
    repeated = sum(one in known for one in validation.digests) / max(1, len(validation.digests))
    if repeated > MIN_REPEATED:
        yield (
            f"{repeated:.1%} of the validation documents stand in the training text too: their loss"
            " says less about new documents"
        )


def each_document(
    tokens: Integer[np.ndarray, " length"], end: int, labels: range = range(0)
) -> Iterator[bytes]:
    """Yield the tokens of each document, as bytes that sort as they do; of a long one, the first million.

    `tokens` begin and end with the token `end`, and may be a large memory map. A first token in `labels` is left out.
    """
    start, is_inside = 1, False
    while start < len(tokens):
        block = tokens[start : start + BLOCK_TOKENS]
        ends = np.flatnonzero(block == end)
        pieces = np.split(block, ends + 1)
        # The last piece is read again with the next block, unless it is the beginning of a long document.
        for number, piece in enumerate(pieces[: len(ends) or 1]):
            if number or not is_inside:
                # Big-endian bytes sort as the numbers do.
                own = piece[len(piece) and int(piece[0]) in labels : len(piece) - bool(ends.size)]
                yield own.astype(piece.dtype.newbyteorder(">")).tobytes()
        is_inside = not ends.size
        start += int(ends[-1]) + 1 if ends.size else len(block)


def digest(document: bytes) -> bytes:
    """Return what stands for a document, so that long ones need no memory."""
    return hashlib.blake2b(document, digest_size=16).digest()
