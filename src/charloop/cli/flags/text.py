"""The flags of commands that let a trained network read a text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(frozen=True)
class ReadingFlags:
    """A run, and the text that it reads."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""
    texts: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[TEXT ...]", help_behavior_hint="")
    ] = ()
    """Files, folders, globs, - for standard input, or named corpora; together they are one text."""
    text: str | None = None
    """Read this string instead of files."""
    unknown: Literal["error", "skip"] = "error"
    """What to do with characters that the network does not know: refuse the text (error), or leave them out (skip). A
    network that was trained with --min-count reads them as its unknown symbol instead, and predicts only that one of
    them comes."""
    errors: Annotated[
        Literal["strict", "replace"] | None, tyro.conf.arg(help_behavior_hint="(default: as in training)")
    ] = None
    """What to do with bytes that are not valid in the encoding: refuse the text (strict), or replace each with U+FFFD
    (replace)."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""
