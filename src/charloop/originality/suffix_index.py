"""The sorted suffixes of a text, kept in the cache: whether a piece occurs in the text is then a binary search."""

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32, Integer
from pydivsufsort import divsufsort

from charloop.errors import CharloopError
from charloop.files.cache import cache_folder, keep_in_cache
from charloop.progress import Progress, ProgressListener

MAX_INDEXED_TOKENS = 100_000_000
"""The longest text of which an index is built: the index takes 4 bytes a token, and up to 12 while it is built."""
POSITIONS_PER_PASS = 1 << 16
"""Positions whose matches are searched for at once."""
STRIDE = 16
"""Tokens compared at once."""
END_OF_TEXT, END_OF_PIECE = -1, -2
"""Tokens that follow a text and a piece: they differ, and are less than all others."""
FORMAT = 1
"""Part of the key of a cached index: raise it when the order or its storage changes."""
HASH_BLOCK = 1 << 22
"""Tokens hashed at once."""
STORED = np.dtype("<i4")
DIGEST_SIZE = hashlib.sha256().digest_size


@dataclass(frozen=True, eq=False)
class SuffixIndex:
    """The suffix array (Manber and Myers 1993) of a text: the starts of its suffixes, sorted by suffix."""

    tokens: Integer[np.ndarray, " length"]
    """The text, which may be memory-mapped."""
    order: Int32[np.ndarray, " length"]

    @classmethod
    def of(
        cls, tokens: Integer[np.ndarray, " length"], listener: ProgressListener | None = None
    ) -> "SuffixIndex":
        """Build the index of `tokens` (each 0 or more). `listener` is called when that begins.

        Raises CharloopError for more than `MAX_INDEXED_TOKENS` tokens.
        """
        check_index_size(len(tokens))
        if listener:
            listener(Progress("sorting all endings of the training text", 0, len(tokens), "million tokens"))
        # A copy: the library needs writable memory of its own.
        order = divsufsort(np.array(tokens)) if len(tokens) else np.zeros(0)
        return cls(tokens, order.astype(np.int32, copy=False))

    def followers(self, piece: Integer[np.ndarray, " piece"]) -> Integer[np.ndarray, " distinct"]:
        """Return the distinct tokens, sorted, that follow `piece` anywhere in the text; all tokens if it is empty."""
        wanted, size = piece.tolist(), len(piece)

        def prefix(start: np.int32) -> list[int]:
            found: list[int] = self.tokens[start : start + size].tolist()
            return found

        low = bisect_left(self.order, wanted, key=prefix)
        high = bisect_right(self.order, wanted, lo=low, key=prefix)
        after = self.order[low:high] + size
        return np.unique(self.tokens[after[after < len(self.tokens)]])

    def longest_matches(self, ids: Integer[np.ndarray, " length"]) -> Int[np.ndarray, " length"]:
        """Return for each position of `ids` the length of the longest piece of the text that ends there."""
        ids = np.asarray(ids)
        positions = np.arange(len(ids))
        if not len(self.tokens) or not len(ids):
            return np.zeros(len(ids), np.int64)
        parts = np.split(positions, range(POSITIONS_PER_PASS, len(ids), POSITIONS_PER_PASS))
        ends = positions + np.concatenate([self._matches_from(ids, part) for part in parts])
        # A match that begins later ends no earlier: the first that covers a position is the longest that ends there.
        longest: Int[np.ndarray, " length"] = np.maximum(
            positions + 1 - np.searchsorted(ends, positions + 1), 0
        )
        return longest

    def _matches_from(
        self, ids: Integer[np.ndarray, " length"], starts: Int[np.ndarray, " positions"]
    ) -> Int[np.ndarray, " positions"]:
        """Return the length of the longest match from each of `starts`.

        A binary search finds where the piece would be sorted in; one of its two neighbours there has the match.
        """
        low, high = np.zeros_like(starts), np.full_like(starts, len(self.order))
        while (searching := low < high).any():
            middle = np.minimum((low + high) // 2, len(self.order) - 1)
            suffixes = self.order[middle].astype(np.int64)
            equal = self._count_equal(suffixes, ids, starts)
            before = _at(self.tokens, suffixes + equal, END_OF_TEXT) < _at(ids, starts + equal, END_OF_PIECE)
            low = np.where(searching & before, middle + 1, low)
            high = np.where(searching & ~before, middle, high)
        neighbours = (np.maximum(low - 1, 0), np.minimum(low, len(self.order) - 1))
        found = [self._count_equal(self.order[at].astype(np.int64), ids, starts) for at in neighbours]
        longest: Int[np.ndarray, " positions"] = np.maximum(*found)
        return longest

    def _count_equal(
        self,
        suffixes: Int[np.ndarray, " positions"],
        ids: Integer[np.ndarray, " length"],
        starts: Int[np.ndarray, " positions"],
    ) -> Int[np.ndarray, " positions"]:
        """Return how many tokens the text from each of `suffixes` and `ids` from the same of `starts` share."""
        count, going = np.zeros_like(starts), np.arange(len(starts))
        while going.size:
            ahead = count[going][:, None] + np.arange(STRIDE)
            text = _at(self.tokens, suffixes[going][:, None] + ahead, END_OF_TEXT)
            equal = text == _at(ids, starts[going][:, None] + ahead, END_OF_PIECE)
            run = np.where(equal.all(1), STRIDE, equal.argmin(1))
            count[going] += run
            going = going[run == STRIDE]
        return count


def load_or_build_index(
    tokens: Integer[np.ndarray, " length"],
    *,
    cache: Path | None = None,
    listener: ProgressListener | None = None,
) -> SuffixIndex:
    """Return the index of `tokens` from the cache; if it is missing or damaged there, build it and store it.

    `cache` is the folder, by default `cache_folder()`; if it is not writable, the index is built each time.
    Raises CharloopError for a text that is too long for an index.
    """
    check_index_size(len(tokens))
    path = (cache or cache_folder()) / "suffixes" / f"{_cache_key(tokens)}.order"
    order = _load_order(path, len(tokens))
    if order is not None:
        return SuffixIndex(tokens, order)
    index = SuffixIndex.of(tokens, listener)
    stored = index.order.astype(STORED, copy=False)
    keep_in_cache(path, hashlib.sha256(stored.data).digest(), stored.data)
    return index


def check_index_size(length: int) -> None:
    """Raise CharloopError for a text of more than `MAX_INDEXED_TOKENS` tokens."""
    if length > MAX_INDEXED_TOKENS:
        raise CharloopError(
            "tokens of a training text that is searched for verbatim copies",
            got=length,
            allowed=f"up to {MAX_INDEXED_TOKENS:,}",
            do="train on less text, or leave out what searches for copies",
        )


def _cache_key(tokens: Integer[np.ndarray, " length"]) -> str:
    """Return a hash of all that the index depends on."""
    digest = hashlib.sha256(repr((FORMAT, tokens.dtype.str, len(tokens))).encode())
    for start in range(0, len(tokens), HASH_BLOCK):
        digest.update(np.ascontiguousarray(tokens[start : start + HASH_BLOCK]).data)
    return digest.hexdigest()[:40]


def _load_order(path: Path, length: int) -> Int32[np.ndarray, " length"] | None:
    """Return the order in `path`, which begins with a hash of the rest; None if it is missing or damaged."""
    try:
        if not path.is_file() or path.stat().st_size != DIGEST_SIZE + length * STORED.itemsize:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(memoryview(content)[DIGEST_SIZE:]).digest() != content[:DIGEST_SIZE]:
        return None
    return np.frombuffer(content, STORED, offset=DIGEST_SIZE).astype(np.int32, copy=False)


def _at(
    array: Integer[np.ndarray, " length"], positions: Int[np.ndarray, "..."], outside: int
) -> Int[np.ndarray, "..."]:
    """Return the tokens of `array` (not empty) at `positions` (each 0 or more), `outside` beyond its end."""
    inside = array[np.minimum(positions, len(array) - 1)].astype(np.int64)
    return np.where(positions < len(array), inside, outside)
