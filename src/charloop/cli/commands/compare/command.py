"""charloop compare: which of several networks predicts a text best, and whether that may be chance."""

from collections.abc import Sequence

from charloop.cli.commands.compare import cells
from charloop.cli.commands.compare.runs import check_report, compare_runs
from charloop.cli.flags.comparison import CompareFlags
from charloop.cli.flags.parsing import check_ranges, given_flags, parse
from charloop.errors import CharloopError

ONLY_WITH_CELLS = ("seeds", "match", "plot", "output", "steps", "epochs", "minutes", "preset", "config")
"""What people give who want to train; the other flags are unknown without --cells, and so called."""


def main(arguments: Sequence[str]) -> int:
    """Compare runs, or with --cells train them first. 0, or 130 if Ctrl-C ended the training."""
    given = given_flags(arguments)
    if "cells" in given:
        return cells.main(arguments, given)
    for name in ONLY_WITH_CELLS:
        if name in given:
            raise CharloopError(
                f"--{name} goes with --cells, which trains before it compares",
                do="charloop compare TEXT --cells lstm,gru --seeds 3",
            )
    flags = check_ranges(parse(CompareFlags, "compare", arguments))
    check(flags)
    compare_runs(flags.runs, flags.cell, flags)
    return 0


def check(flags: CompareFlags) -> None:
    """Raises CharloopError for flags that do not go together."""
    files = [path for path in flags.runs if path.is_file()]
    if files:
        raise CharloopError(
            f"{files[0]} is a file and no run",
            do="to train on a text and compare, add --cells lstm,gru; to compare runs on it: --text",
        )
    if len(flags.runs) < 2:
        raise CharloopError(
            "nothing to compare", got=len(flags.runs), allowed="2 runs or more", do="name them side by side"
        )
    check_report(flags)
