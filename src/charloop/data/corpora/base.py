"""What a named corpus is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from charloop.data.pieces import Piece


@dataclass(frozen=True)
class NamedCorpus:
    """A text with a name.

    `summary` is one line; `source` says where it comes from and under which licence; `size` is its
    approximate size in bytes. `pieces(cache)` finds it, keeping a download under the folder `cache`;
    Errors: CharloopError that says how to get the text when it is not there. `needs_network`: whether
    the first use downloads it.
    """

    name: str
    summary: str
    source: str
    size: int
    pieces: Callable[[Path], Sequence[Piece]]
    needs_network: bool = False
