"""Several vocabularies as one, and what a model of one of them reads and predicts in the joined one."""

import unicodedata
from collections.abc import Sequence

import numpy as np

from charloop.data import Vocabulary
from charloop.errors import CharloopError

READS, INDEX, SCALE, OFFSET = "reads", "index", "scale", "offset"
"""The arrays of a translation, each with an entry for each token of the joined vocabulary."""
SHOWN_LABELS = 5
"""Labels of a network in a message."""


def join_vocabularies(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """Return the vocabulary with the characters of all `vocabularies`, and an unknown symbol if one of them has it.

    Raises CharloopError for characters and bytes, and for documents with different rules or labels.
    """
    first = vocabularies[0]
    for other in vocabularies[1:]:
        for what, one, two in (
            ("units", first.unit, other.unit),
            ("documents", first.documents or "none", other.documents or "none"),
            ("labels", first.labels, other.labels),
        ):
            if one != two:
                got = " and ".join(map(shorten, (one, two)))
                raise CharloopError(f"networks of different {what} cannot be mixed", got=got)
    symbols = sorted(set().union(*(one.symbols for one in vocabularies)))
    min_count = max(one.min_count for one in vocabularies)
    return Vocabulary(tuple(symbols), first.unit, min_count, first.documents, first.labels)


def shorten(found: str | tuple[str, ...]) -> str:
    """Return the labels of documents, of which there may be hundreds, on part of a line; a name as it is."""
    if isinstance(found, str):
        return found
    more = f" and {len(found) - SHOWN_LABELS} more" if len(found) > SHOWN_LABELS else ""
    return f"({', '.join(found[:SHOWN_LABELS])}{more})"


def translate(own: Vocabulary, joined: Vocabulary, learned: int) -> dict[str, np.ndarray]:
    """Return how a model of the vocabulary `own`, which learned from `learned` characters, predicts `joined`.

    It reads token t as its own token reads[t], and the logarithm of its probability of t is

        scale[t] * (log of its own probability of index[t]) + offset[t].

    These probabilities sum to 1. What the model predicts for its unknown symbol is divided equally among the tokens
    that it does not know. If it has no such symbol, they share V / (N + V), for N characters learned from of which V
    are different: how likely a new one is, as Witten and Bell 1991 estimate it in their method C. What is left is
    divided in proportion to the model's own probabilities.
    """
    place = {symbol: token for token, symbol in enumerate(own.symbols)}
    known = np.array([place.get(symbol, -1) for symbol in joined.symbols])
    special = range(len(own.symbols), own.size - (own.unknown_id is not None))
    known = np.concatenate([known, special, [-1] * (joined.unknown_id is not None)]).astype(np.int32)
    is_new, unknown = known < 0, own.unknown_id
    reads = known.copy()
    shown = (*joined.symbols, *[""] * len(special), "")
    for token in np.flatnonzero(is_new):
        reads[token] = find_nearest(shown[token], place) if unknown is None else unknown
    share, new = len(own.symbols) / (learned + len(own.symbols)), int(is_new.sum())
    if unknown is not None:
        offset = np.where(is_new, -np.log(max(1, new)), 0)
    else:
        offset = np.where(is_new, np.log(share / max(1, new)), np.log1p(-share) if new else 0)
    scale = np.where(is_new & (unknown is None), 0, 1)
    index = np.where(is_new, unknown or 0, known).astype(np.int32)
    return {READS: reads, INDEX: index, SCALE: scale.astype(np.float32), OFFSET: offset.astype(np.float32)}


def find_nearest(symbol: str, place: dict[str, int]) -> int:
    """Return the token that a model without an unknown symbol reads for a character that it does not know.

    It is the first it knows of: the character without its marks or width, a space, a newline; else the first token.
    """
    parts = unicodedata.normalize("NFKD", symbol)
    return next((place[one] for one in (*parts, " ", "\n") if one in place), 0)
