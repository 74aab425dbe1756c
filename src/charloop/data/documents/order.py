"""Orders of documents, and documents in another order: the file of their tokens need not fit in memory."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer

from charloop.data.token_file import (
    BLOCK_TOKENS,
    TokenFile,
    count_tokens,
    each_block,
    map_tokens,
    release_pages,
)
from charloop.data.tokenizing import WrittenTokens
from charloop.progress import Meter


def random_order(count: int, seed: int) -> Int[np.ndarray, " documents"]:
    """Return `count` documents in the random order of `seed`, the same in every version of NumPy."""
    # RandomState, unlike NumPy's newer generators, promises this.
    return np.random.RandomState(seed).permutation(count)


def spread_order(
    sizes: Int[np.ndarray, " documents"], groups: Int[np.ndarray, " documents"]
) -> Int[np.ndarray, " documents"]:
    """Return the documents in the order of their places in their groups, from the first to the last of each.

    `groups` are numbers from 0; a document's place is where its middle lies, as a fraction of its group. So every
    end of the text holds about the same fraction of each group: its last documents.
    """
    grouped = np.argsort(groups, kind="stable")
    own = sizes[grouped]
    totals = np.bincount(groups, sizes)
    before = np.cumsum(totals) - totals
    middles = np.cumsum(own) - own / 2 - before[groups[grouped]]
    places = np.empty(len(sizes))
    places[grouped] = middles / totals[groups[grouped]]
    return np.argsort(places, kind="stable")


def number_groups(counts: Sequence[tuple[str, int]], *, by_folder: bool) -> Int[np.ndarray, " documents"]:
    """Return the number of each document's file, or of its folder, given the name and the documents of each file."""
    numbers: dict[object, int] = {}
    keys = [str(Path(name).parent) if by_folder else index for index, (name, _) in enumerate(counts)]
    groups = [numbers.setdefault(key, len(numbers)) for key in keys]
    return np.repeat(np.array(groups, np.int64), [count for _, count in counts])


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


def count_documents(tokens: Integer[np.ndarray, " length"], end: int) -> int:
    """Return the number of documents in `tokens`, which begin and end with `end` and may be a large memory map."""
    return int(count_tokens(tokens, range(end, end + 1))[0]) - 1


def find_ends(tokens: Integer[np.ndarray, " length"], end: int) -> Int[np.ndarray, " ends"]:
    """Return the positions of the token `end` in `tokens`, which may be a large memory map."""
    found = [start + np.flatnonzero(block == end) for start, block in each_block(tokens)]
    return np.concatenate([np.zeros(0, np.int64), *found])


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
