"""What a person should know of a text and its split before training on it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from jaxtyping import Int, Integer

from charloop.data.corpus import Corpus
from charloop.data.documents.labels import RECORD
from charloop.data.sources import name_some
from charloop.data.split import Split
from charloop.data.token_file import BLOCK_TOKENS, count_tokens

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
MAX_PARTS, MIN_PARTS = 8, 3
"""Parts of the training text, each as long as the validation text, that are compared with the rest."""
MIN_TOKENS = 1000
"""Of the validation text: the pairs of a shorter one are an accident."""
MOST_DIFFERENT = 1.75
"""How much more the validation text may differ than all parts of the training text but one: the last may be in its
language too. Texts of one kind differ by up to 1.5 times as much, another language by 1.8 times (of 5,000 characters)
to 6 times (10,000)."""
SLICES, SLICE_TOKENS = 8, 1 << 15
"""What is read of each part: slices from its beginning to its end."""
PAIRS = 1 << 16
"""Numbers for pairs of tokens; in a large vocabulary, some pairs share one."""


def note_split(corpus: Corpus, split: Split, *, shuffled: bool) -> tuple[str, ...]:
    """Return notes on the documents of a text, and on how its validation text differs from its training text."""
    documents = (*note_documents(corpus, split, shuffled=shuffled), *note_labels(corpus, split))
    return documents if shuffled else (*documents, *note_difference(corpus, split))


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
    doubt = (
        "is the text in another field? --text-field names it"
        if rule == RECORD
        else f"does '{rule}' divide this text as you mean it? --documents takes other separators"
    )
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
            " says less about new documents; keep one of each (lines: sort -u)"
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


def note_labels(corpus: Corpus, split: Split) -> tuple[str, ...]:
    """Return notes on labels that only some parts of a text have: it may be sorted by label."""
    known = corpus.vocabulary
    if not known.labels or not split.sizes[1]:
        return ()
    train, validation = (
        count_tokens(corpus.tokens[part], known.label_ids) for part in (split.train, split.validation)
    )
    new = [repr(known.labels[index]) for index in np.flatnonzero((validation > 0) & (train == 0))]
    if new:
        verb = "documents have labels" if len(new) > 1 else "documents have a label"
        return (f"validation {verb} that no training document has: {name_some(new)}; --shuffle mixes them",)
    if np.count_nonzero(validation) == 1 and np.count_nonzero(train) > 1:
        only = known.labels[int(validation.argmax())]
        return (f"all validation documents have the label {only!r}; --shuffle mixes them",)
    return ()


def note_difference(corpus: Corpus, split: Split) -> tuple[str, ...]:
    """Return a note if the validation text is unlike the training text: in another language, or of another kind."""
    training, validation = corpus.tokens[split.train], corpus.tokens[split.validation]
    parts = min(MAX_PARTS, len(training) // len(validation)) if len(validation) >= MIN_TOKENS else 0
    if parts < MIN_PARTS:
        return ()
    starts = np.linspace(0, len(training) - len(validation), parts).astype(int)
    # Parts of the same length vary by accident as much as the validation text does.
    counts = [count_pairs(training[start : start + len(validation)]) for start in starts]
    total = np.sum(counts, axis=0)
    usual = sorted(find_distance(part, total - part) for part in counts)[-2]
    if find_distance(count_pairs(validation), total) <= MOST_DIFFERENT * usual:
        return ()
    mixing = (
        "--shuffle mixes documents"
        if corpus.vocabulary.documents
        else "order it so that its end is like the rest"
    )
    return (
        "the validation text, at the end of the text, is unlike nearly all of the training text (another language?),"
        f" so its loss says little: {mixing}",
    )


def count_pairs(tokens: Integer[np.ndarray, " length"]) -> Int[np.ndarray, " pairs"]:
    """Return how often each pair of neighbouring tokens occurs in slices of `tokens`, a memory map of any size."""
    length = min(len(tokens) // SLICES, SLICE_TOKENS)
    counts = np.zeros(PAIRS, np.int64)
    for start in np.linspace(0, len(tokens) - length, SLICES).astype(int):
        own = np.asarray(tokens[start : start + length], np.int64)
        counts += np.bincount((own[:-1] * 257 + own[1:]) % PAIRS, minlength=PAIRS)
    return counts


def find_distance(one: Int[np.ndarray, " pairs"], other: Int[np.ndarray, " pairs"]) -> float:
    """Return the total variation distance of two distributions, given as counts: from 0 to 1."""
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)
