"""What a person should know of a text's documents before training on them."""

import hashlib
from collections.abc import Iterator
from itertools import chain, islice, pairwise

import numpy as np
from jaxtyping import Integer

from charloop.data.corpus import Corpus
from charloop.data.split import Split
from charloop.data.token_file import BLOCK_TOKENS

MAX_COMPARED = 200_000
"""Training documents that are compared with validation documents, and the other way round."""
MIN_SORTED = 50
"""Documents in alphabetical order, from the beginning of the text, that are no accident."""


def note_documents(corpus: Corpus, split: Split, *, shuffled: bool) -> tuple[str, ...]:
    """Return notes on the order of the documents, and on those that stand in training and validation text."""
    end = corpus.vocabulary.end_id
    if end is None or not split.sizes[1]:
        return ()
    notes = []
    training = islice(each_document(corpus.tokens[split.train], end), MAX_COMPARED)
    first = list(islice(training, MIN_SORTED))
    if not shuffled and is_sorted(first):
        notes.append(
            "the documents are in alphabetical order, so those held out begin differently from those trained on;"
            " --shuffle mixes them"
        )
    known, validation = set(map(digest, chain(first, training))), corpus.tokens[split.validation]
    repeated = [digest(one) in known for one in islice(each_document(validation, end), MAX_COMPARED)]
    if any(repeated):
        notes.append(
            f"{np.mean(repeated):.1%} of the validation documents stand in the training text too: their loss"
            " says less about new documents"
        )
    return tuple(notes)


def each_document(tokens: Integer[np.ndarray, " length"], end: int) -> Iterator[bytes]:
    """Yield the tokens of each document, as bytes that sort as they do; of a long one, the first million.

    `tokens` begin and end with the token `end`, and may be a large memory map.
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
                yield piece[: len(piece) - bool(ends.size)].astype(piece.dtype.newbyteorder(">")).tobytes()
        is_inside = not ends.size
        start += int(ends[-1]) + 1 if ends.size else len(block)


def digest(document: bytes) -> bytes:
    """Return what stands for a document, so that long ones need no memory."""
    return hashlib.blake2b(document, digest_size=16).digest()


def is_sorted(documents: list[bytes]) -> bool:
    """Return whether these are enough documents, in alphabetical order and not all equal."""
    ordered = all(first <= second for first, second in pairwise(documents))
    return len(documents) >= MIN_SORTED and ordered and documents[0] != documents[-1]
