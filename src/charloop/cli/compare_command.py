"""charloop compare: which of several networks predicts a text best, and whether that may be chance."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.arguments import check_ranges, given_flags, parse
from charloop.cli.compare_flags import CompareFlags, ReportFlags
from charloop.cli.eval_texts import reading
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.checkpoint import RunFolder
    from charloop.cli.compare_report import Entry
    from charloop.cli.eval_texts import Given

ONLY_WITH_CELLS = ("seeds", "match", "plot", "out", "steps", "epochs", "minutes", "preset", "config")
"""What people give who want to train; the other flags are unknown without --cells, and so called."""


def main(arguments: Sequence[str]) -> int:
    """Compare runs, or with --cells train them first. 0, or 130 if Ctrl-C ended the training."""
    given = given_flags(arguments)
    if "cells" in given:
        command = importlib.import_module("charloop.cli.compare_cells")
        return int(command.main(arguments, given))
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


def compare_runs(paths: Sequence[Path], cells: Sequence[str], flags: ReportFlags) -> None:
    """Score the text with every run, and print one table."""
    from charloop.cli.compare_report import facts, lines, ranked
    from charloop.cli.output import visible

    name, notes, measured = measure_all(paths, cells, flags)
    entries = ranked(measured)
    if flags.json:
        print(json.dumps(facts(name, notes, entries, flags.to_loss)))
    else:
        print(visible("\n".join(lines(name, notes, entries, flags.to_loss))))


def measure_all(
    paths: Sequence[Path], cells: Sequence[str], flags: ReportFlags
) -> "tuple[str, list[str], list[Entry]]":
    """The text's name, what there is to say of it, and what each run comes to on it."""
    from charloop.cli.programs import keep_programs
    from charloop.devices import offer_cores

    offer_cores()
    keep_programs()
    from charloop.cli.compare_texts import open_run, read_for_all

    runs = [open_run(path, cells) for path in paths]
    given = read_for_all(runs, flags.text, flags.split or "val")
    entries = [measure(run, text, flags) for run, text in zip(runs, given, strict=True)]
    return given[0].name, [*dict.fromkeys(note for text in given for note in text.notes)], entries


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


def check_report(flags: ReportFlags) -> None:
    """Raises CharloopError if it is said twice what to compare on."""
    if flags.text is not None and flags.split is not None:
        raise CharloopError("--text and --split do not go together", do="leave one out")


def measure(run: "RunFolder", given: "Given", flags: ReportFlags) -> "Entry":
    """A run's loss on the text, character by character, and what it wrote down of its training."""
    from charloop.cli.compare_report import Entry
    from charloop.model import count_parameters
    from charloop.trained import load_run
    from charloop.training.history import History

    network = load_run(run, weights=flags.weights)
    # As in `eval`: a text of its own begins, and the text a run set apart is read as training reads it.
    ids = network.before().ids(run.vocabulary, given.tokens) if flags.text is not None else None
    with reading() as listener:
        score = network.score(
            given.tokens, flags.limit or None, per_character=True, listener=listener, before=ids
        )
    size, step = count_parameters(network.params), network.facts.get("step")
    return Entry(str(run.path), score, size, step if isinstance(step, int) else None, History.of(run))
