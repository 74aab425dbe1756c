"""`python`: the source files of the running interpreter's standard library, which need no download."""

import sysconfig
from collections.abc import Sequence
from pathlib import Path

from charloop.data.sources import NamedCorpus, Source, file_source
from charloop.errors import CharloopError

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
"""Installed packages; and tests, whose tables of rare characters would make up most of the alphabet."""


def library_files(root: Path) -> list[Path]:
    """Return the UTF-8 .py files under `root`, ordered by path."""
    paths = sorted(root.rglob("*.py"))
    return [path for path in paths if not _LEFT_OUT & set(path.relative_to(root).parts) and _is_utf8(path)]


def _is_utf8(path: Path) -> bool:
    try:
        return "\0" not in path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def find_library() -> list[Path]:
    """Return the files of the running interpreter's library. Raises CharloopError if there are none."""
    files = library_files(Path(sysconfig.get_path("stdlib")))
    if not files:
        raise CharloopError("this Python has no standard library as source files", do="name another text")
    return files


def _sources(_cache: Path) -> tuple[Sequence[Source], tuple[str, ...]]:
    return [file_source(path, "utf-8") for path in find_library()], ()


CORPUS = NamedCorpus(
    name="python",
    summary="the running interpreter's standard library, without its tests",
    origin="your Python installation; PSF licence",
    size=13_000_000,
    sources=_sources,
)
