"""charloop cells: the cells there are, and their options."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from charloop.cli.flags.parsing import check_ranges, parse
from charloop.config.ranges import Count

INDENT = 10


@dataclass(frozen=True)
class CellsFlags:
    """List the cells and their options, for charloop train TEXT --cell NAME."""

    explain: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Explain what runs this cell on this machine, a kernel or XLA's loop; NAME or FILE.py:CLASS."""
    hidden_size: Count = 256
    """Units of the cell to explain."""


def main(arguments: Sequence[str]) -> None:
    """Print the cells, or explain one."""
    flags = check_ranges(parse(CellsFlags, "cells", arguments))
    if flags.explain is not None:
        explain_cell(flags.explain, flags.hidden_size)
        return

    from charloop.cells import CELLS, find_cell_options
    from charloop.wording import entry

    for name, maker in CELLS.items():
        summary = (maker.__doc__ or "").splitlines()[0]
        print(entry(name, summary, INDENT))
        for option, parameter in find_cell_options(maker).items():
            print(
                entry("", f"--cell-options {option}={str(parameter.default).lower()} (the default)", INDENT)
            )
    print("\nYour own: --cell FILE.py:CLASS (docs/extending.md)")


def explain_cell(name: str, hidden_size: int) -> None:
    """Print what runs a cell, and its work per time step."""
    from charloop.cells import CELLS, make_cell
    from charloop.cells.checking import check_cell
    from charloop.unroll import choose_unrolling

    cell = make_cell(CELLS, name, hidden_size)
    check_cell(cell)
    _, why_not = choose_unrolling("fused", cell)
    if why_not:
        print(why_not)
        return
    from charloop.kernels.explain import explain_kernel
    from charloop.kernels.machine import detect_machine

    machine = detect_machine()
    product = f"{machine.tile.rows} batch rows by {machine.tile.vectors * machine.width} columns"
    print(f"a kernel runs {name}, {machine.width} units at a time; its product, {product}")
    print(*explain_kernel(cell), sep="\n")
