"""Orders of documents: at random, or so that the end of the text holds the end of each file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int


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
