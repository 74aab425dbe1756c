"""A mapped file's pages, given back when they have been read.

The system would take them itself if it ran short, but until then they count as this process's memory: ten
gigabytes, for ten gigabytes of tokens.
"""

import mmap
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from jaxtyping import Integer

READ_AHEAD = 1 << 24
"""Tokens to read, about, before pages are given back: seldom enough to cost nothing."""


_OURS: "WeakSet[mmap.mmap]" = WeakSet()
"""Maps that were opened here to be read only: what is in memory of them is in the file too."""


def open_map(path: Path, dtype: np.dtype[Any]) -> Integer[np.ndarray, " length"]:
    """The file as a read-only map, whose pages `release` may give back. Errors: OSError, ValueError."""
    opened = np.memmap(path, dtype, mode="r")
    base: object = opened.base
    if isinstance(base, mmap.mmap):
        _OURS.add(base)
    return opened


def release(tokens: Integer[np.ndarray, " length"]) -> None:
    """Let go of the pages in memory of the file that `tokens` is a view of; they are read again when needed.

    Nothing happens to an array that is no map of `open_map`, or on a system that knows no such advice. Of a map that
    a caller opened copy-on-write, the pages in memory are all there is of the caller's changes.
    """
    base: object = tokens
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and base in _OURS and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
