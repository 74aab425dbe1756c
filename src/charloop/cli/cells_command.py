"""charloop cells: the cells there are, and their options."""

from collections.abc import Sequence
from dataclasses import dataclass

from charloop.cli.arguments import parse

INDENT = 10


@dataclass(frozen=True)
class CellsFlags:
    """The cells there are, and their options: charloop train TEXT --cell NAME."""


def main(arguments: Sequence[str]) -> None:
    """Print the registry of cells."""
    parse(CellsFlags, "cells", arguments)

    from charloop.cells import CELLS, cell_options
    from charloop.cli.wording import entry

    for name, maker in CELLS.items():
        summary = (maker.__doc__ or "").splitlines()[0]
        print(entry(name, summary, INDENT))
        for option, parameter in cell_options(maker).items():
            print(
                entry("", f"--cell-options {option}={str(parameter.default).lower()} (the default)", INDENT)
            )
    print("\nYour own: --cell FILE.py:CLASS (docs/extending.md)")
