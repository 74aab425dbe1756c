"""charloop compare: which of several networks predicts a text best, and whether that may be chance."""

from collections.abc import Sequence

from charloop.cli.commands import sweep
from charloop.cli.flags.comparison import CompareFlags
from charloop.cli.flags.dynamic import check_learning, refuse_limit
from charloop.cli.flags.parsing import check_ranges, current_name, given_flags, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.comparison_tables import print_runs
from charloop.cli.terminal.progress import showing_progress
from charloop.errors import CharloopError

ONLY_FOR_SWEEPS = ("seeds", "match", "plot", "output", "steps", "epochs", "minutes", "preset", "config")
"""Flags of `charloop sweep` that people may give here by mistake."""


def main(arguments: Sequence[str]) -> int:
    """Compare runs. 0, or what `charloop sweep` returns for `charloop compare TEXT --cells`, its former name."""
    arguments = [current_name(argument, sweep.OLD_FLAGS) for argument in arguments]
    given = given_flags(arguments)
    if "cells" in given:
        return sweep.main(arguments)
    for name in ONLY_FOR_SWEEPS:
        if name in given:
            raise CharloopError(
                f"charloop compare trains nothing and has no --{name}",
                do="to train and compare: charloop sweep TEXT --cells lstm,gru --seeds 3",
            )
    flags = check_ranges(parse(CompareFlags, "compare", arguments))
    files = [path for path in flags.runs if path.is_file()]
    if files:
        raise CharloopError(
            f"{files[0]} is a file, not a run",
            do="to compare runs on it, give it by --text-file; to train on it: charloop sweep TEXT --cells lstm,gru",
        )
    if len(flags.runs) < 2:
        raise CharloopError(
            "nothing to compare", got=len(flags.runs), allowed="2 runs or more", do="name two runs' folders"
        )
    flags.refuse_two_texts()
    check_learning("--dynamic", given, flags.learning.dynamic)
    refuse_limit(flags.learning, flags.limit)
    prepare_jax()
    from charloop.comparison import score_runs

    with showing_progress() as listener:
        scored = score_runs(flags.runs, flags.choice(), cells=flags.cell, listener=listener)
    print_runs(scored, flags)
    return 0
