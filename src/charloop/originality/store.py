"""Indices on the disk: in the cache, by what they were made of."""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Integer

from charloop.data import ReadingListener, cache_folder
from charloop.data.cache import keep
from charloop.originality.suffixes import SuffixIndex, check_size

FORMAT = 1
"""Part of every key: a change in how suffixes are sorted or stored must raise it."""
BLOCK = 1 << 22
"""Tokens hashed at once."""
STORED = np.dtype("<i4")
DIGEST = hashlib.sha256().digest_size


def key_of(tokens: Integer[np.ndarray, " length"]) -> str:
    """A hash of all that decides an index."""
    digest = hashlib.sha256(repr((FORMAT, tokens.dtype.str, len(tokens))).encode())
    for start in range(0, len(tokens), BLOCK):
        digest.update(np.ascontiguousarray(tokens[start : start + BLOCK]).data)
    return digest.hexdigest()[:40]


def find_or_build(
    tokens: Integer[np.ndarray, " length"],
    *,
    cache: Path | None = None,
    listener: ReadingListener | None = None,
) -> SuffixIndex:
    """The index of `tokens`: from the cache folder if it is there, whole and undamaged, or built now and put there.

    `cache` is that folder, else `cache_folder()`; where it cannot be written, nothing is lost but time.
    Raises CharloopError for a text too long for an index.
    """
    check_size(len(tokens))
    path = (cache or cache_folder()) / "suffixes" / f"{key_of(tokens)}.order"
    order = _read(path, len(tokens))
    if order is not None:
        return SuffixIndex(tokens, order)
    index = SuffixIndex.of(tokens, listener)
    stored = index.order.astype(STORED, copy=False)
    keep(path, hashlib.sha256(stored.data).digest(), stored.data)
    return index


def _read(path: Path, length: int) -> Int32[np.ndarray, " length"] | None:
    """The order in `path`, whose first bytes are the hash of all others; None if it is not there or damaged."""
    try:
        if not path.is_file() or path.stat().st_size != DIGEST + length * STORED.itemsize:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(memoryview(content)[DIGEST:]).digest() != content[:DIGEST]:
        return None
    return np.frombuffer(content, STORED, offset=DIGEST).astype(np.int32, copy=False)
