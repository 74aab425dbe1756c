"""The slow obvious twins: every piece is looked for by trying."""

from collections.abc import Sequence


def stands(text: Sequence[int], piece: Sequence[int]) -> bool:
    """Whether `piece` is somewhere in `text`."""
    size = len(piece)
    return any(list(text[at : at + size]) == list(piece) for at in range(len(text) - size + 1))


def longest_matches(text: Sequence[int], ids: Sequence[int]) -> list[int]:
    """For each place, the longest piece that ends there and is somewhere in `text`."""
    return [
        max(size for size in range(end + 1) if stands(text, ids[end - size : end]))
        for end in range(1, len(ids) + 1)
    ]


def followers(text: Sequence[int], piece: Sequence[int]) -> list[int]:
    """What comes after `piece` anywhere in `text`."""
    size = len(piece)
    return sorted(
        {text[at + size] for at in range(len(text) - size) if list(text[at : at + size]) == list(piece)}
    )
