"""Slow references: every passage is found by trying."""

from collections.abc import Sequence


def occurs(text: Sequence[int], piece: Sequence[int]) -> bool:
    """Return whether `piece` occurs in `text`."""
    size = len(piece)
    return any(list(text[at : at + size]) == list(piece) for at in range(len(text) - size + 1))


def longest_matches(text: Sequence[int], ids: Sequence[int]) -> list[int]:
    """Return for each position the longest piece that ends there and occurs in `text`."""
    return [
        max(size for size in range(end + 1) if occurs(text, ids[end - size : end]))
        for end in range(1, len(ids) + 1)
    ]


def followers(text: Sequence[int], piece: Sequence[int]) -> list[int]:
    """Return what follows `piece` anywhere in `text`."""
    size = len(piece)
    return sorted(
        {text[at + size] for at in range(len(text) - size) if list(text[at : at + size]) == list(piece)}
    )
