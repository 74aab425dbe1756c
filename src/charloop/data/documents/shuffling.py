"""Documents in another order, from one file of tokens to another: neither need fit in memory."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer

from charloop.data.token_file import BLOCK_TOKENS, RELEASE_TOKENS, TokenFile, map_tokens, release_pages
from charloop.data.tokenizing import WrittenTokens
from charloop.progress import Meter


def reorder_documents(
    path: Path,
    written: WrittenTokens,
    choose_order: Callable[[Int[np.ndarray, " documents"]], Int[np.ndarray, " documents"]],
    meter: Meter,
) -> WrittenTokens:
    """Put the documents in the file `path` in another order, and return what is in it then.

    `choose_order` returns the order, given the tokens of each document. It takes 48 bytes of memory for each document
    to shuffle them. Errors: OSError.
    """
    tokens = map_tokens(path, np.dtype(written.dtype))
    meter.begin("reordering", tokens.nbytes)
    ends = find_ends(tokens, int(tokens[0]))
    order = choose_order(np.diff(ends))
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "w+b") as stream:
            file = TokenFile(stream, tokens.dtype)
            file.write(tokens[:1])
            for block in gather_documents(tokens, ends, order):
                file.write(block)
                meter.add(block.nbytes)
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
    return replace(written, sha256=file.sha256)


def find_ends(tokens: Integer[np.ndarray, " length"], end: int) -> Int[np.ndarray, " ends"]:
    """Return the positions of the token `end` in `tokens`, which may be a large memory map."""
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(tokens), RELEASE_TOKENS):
        found.append(start + np.flatnonzero(tokens[start : start + RELEASE_TOKENS] == end))
        release_pages(tokens)
    return np.concatenate(found)


def gather_documents(
    tokens: Integer[np.ndarray, " length"],
    ends: Int[np.ndarray, " ends"],
    order: Int[np.ndarray, " documents"],
) -> Iterator[Integer[np.ndarray, " block"]]:
    """Yield the documents in that order, each with the token at its end; at most two million tokens at a time.

    Document d is between the ends d and d + 1.
    """
    sizes = (ends[1:] - ends[:-1])[order]
    starts = (ends[:-1] + 1)[order]
    is_long = sizes > BLOCK_TOKENS
    # A long document is a run of its own, with odd numbers before and behind it.
    blocks = 2 * (np.cumsum(np.where(is_long, 0, sizes)) // BLOCK_TOKENS + np.cumsum(is_long)) + is_long
    for first, last in zip(*find_runs(blocks), strict=True):
        size, start = sizes[first:last], starts[first:last]
        if is_long[first]:
            stop = int(start[0] + size[0])
            for begin in range(int(start[0]), stop, BLOCK_TOKENS):
                yield tokens[begin : min(begin + BLOCK_TOKENS, stop)]
                release_pages(tokens)
            continue
        before = np.cumsum(size) - size
        yield tokens[np.repeat(start - before, size) + np.arange(size.sum())]
        release_pages(tokens)


def find_runs(values: Int[np.ndarray, " count"]) -> tuple[Int[np.ndarray, " runs"], Int[np.ndarray, " runs"]]:
    """Return where each run of equal `values` begins, and where it ends."""
    changes = np.flatnonzero(np.diff(values)) + 1
    return np.append(0, changes), np.append(changes, len(values))
