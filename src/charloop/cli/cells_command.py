"""charloop cells: the cells there are, and their options."""

from collections.abc import Sequence
from dataclasses import dataclass

from charloop.cli.arguments import parse


@dataclass(frozen=True)
class CellsFlags:
    """The cells there are, and their options (--cell-options NAME=VALUE)."""


def main(arguments: Sequence[str]) -> None:
    """Print the registry of cells."""
    parse(CellsFlags, "cells", arguments)

    from charloop.cells import CELLS, cell_options

    for name, maker in CELLS.items():
        summary = (maker.__doc__ or "").splitlines()[0]
        print(f"{name:9} {summary}")
        for option, parameter in cell_options(maker).items():
            print(f"{'':9}   option {option}={str(parameter.default).lower()}")
    print("\nYour own: --cell FILE.py:CLASS (docs/extending.md)")
