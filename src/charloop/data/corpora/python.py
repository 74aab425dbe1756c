"""`python`: the running interpreter's own library, so there is nothing to fetch."""

import sysconfig
from collections.abc import Sequence
from pathlib import Path

from charloop.data.corpora.base import NamedCorpus
from charloop.data.pieces import Piece, file_piece
from charloop.errors import CharloopError

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
"""Other people's code; and tests, whose tables of odd characters would be most of the alphabet."""


def library_files(root: Path) -> list[Path]:
    """The .py files under `root` that are UTF-8, in the order of their paths."""
    paths = sorted(root.rglob("*.py"))
    return [path for path in paths if not _LEFT_OUT & set(path.relative_to(root).parts) and _is_utf8(path)]


def _is_utf8(path: Path) -> bool:
    try:
        return "\0" not in path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _pieces(_cache: Path) -> Sequence[Piece]:
    files = library_files(Path(sysconfig.get_path("stdlib")))
    if not files:
        raise CharloopError("this Python has no standard library as source files", do="name another text")
    return [file_piece(path, "utf-8") for path in files]


CORPUS = NamedCorpus(
    name="python",
    summary="the running interpreter's standard library, without its tests",
    source="your Python installation; PSF licence",
    size=13_000_000,
    pieces=_pieces,
)
