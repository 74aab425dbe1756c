"""Tables as lines of text: rich.table without borders, in which nothing is wrapped or cut off."""

import shutil
from collections.abc import Iterable, Sequence
from itertools import pairwise

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

UNLIMITED = 100_000
"""Columns of a pipe or a file: one record stays one line, which `grep` and `awk` can read."""
DASH = "-"
"""Shown instead of a missing figure."""


def left(head: str, width: int = 0) -> Column:
    """Return a column of words, at least `width` characters wide."""
    return Column(head, justify="left", min_width=width, no_wrap=True)


def right(head: str, width: int = 0) -> Column:
    """Return a column of numbers, at least `width` characters wide."""
    return Column(head, justify="right", min_width=width, no_wrap=True)


def table_lines(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, gap: int = 2, heads: bool = True
) -> list[str]:
    """Return the line of heads, if asked for, and a line for each of `rows`, `gap` spaces between two columns."""
    table = Table(
        *(column.copy() for column in columns),
        box=None,
        padding=(0, gap, 0, 0),
        pad_edge=False,
        show_header=heads,
        header_style="",
    )
    for row in rows:
        table.add_row(*map(Text, row))
    page = Console(width=UNLIMITED, color_system=None, force_terminal=False, force_jupyter=False)
    with page.capture() as captured:
        page.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]


def fit_table(
    names: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]], cuts: Sequence[int]
) -> list[list[str]]:
    """Return the table of `rows`, named by `names`, in as few pieces as fit the terminal's width.

    It may be cut before the columns `cuts`, the last first. A pipe gets it in one piece.
    """
    width = shutil.get_terminal_size(fallback=(UNLIMITED, 24)).columns
    for pieces in range(len(cuts) + 1):
        edges = [0, *cuts[len(cuts) - pieces :], len(heads)]
        blocks = [
            table_lines(
                [left(""), *map(right, heads[start:stop])],
                [[name, *row[start:stop]] for name, row in zip(names, rows, strict=True)],
            )
            for start, stop in pairwise(edges)
        ]
        if max(len(line) for block in blocks for line in block) <= width:
            break
    return blocks
