"""A mapped file's pages, given back when they have been read.

The system would take them itself if it ran short, but until then they count as this process's memory: ten
gigabytes, for ten gigabytes of tokens.
"""

import mmap

import numpy as np
from jaxtyping import Integer

READ_AHEAD = 1 << 24
"""Tokens to read, about, before pages are given back: seldom enough to cost nothing."""


def release(tokens: Integer[np.ndarray, " length"]) -> None:
    """Let go of the pages in memory of the file that `tokens` is a view of; they are read again when needed.

    Nothing happens to an array that is no memory map, or on a system that knows no such advice.
    """
    base: object = tokens
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
