"""The runs of a comparison, scored on one text, and what is printed of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.flags.comparison import ReportFlags
from charloop.cli.terminal.output import visible
from charloop.cli.terminal.progress import reading
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.comparison import RunScore


def compare_runs(paths: Sequence[Path], cells: Sequence[str], flags: ReportFlags) -> None:
    """Score the text with every run, and print one table."""
    name, notes, entries = score_all(paths, cells, flags)
    from charloop.cli.commands.compare.run_table import lines
    from charloop.comparison import rank_runs, runs_record

    entries = rank_runs(entries)
    if flags.json:
        print(json.dumps(runs_record(name, notes, entries, flags.to_loss)))
    else:
        print(visible("\n".join(lines(name, notes, entries, flags.to_loss))))


def score_all(
    paths: Sequence[Path], cells: Sequence[str], flags: ReportFlags
) -> "tuple[str, list[str], list[RunScore]]":
    """The name of the text, notes on how it was read, and the score of each run on it."""
    from charloop.compilation_cache import enable_compilation_cache
    from charloop.devices import use_all_cores

    use_all_cores()
    enable_compilation_cache()
    from charloop.comparison import open_run, read_for_all, score_run

    runs = [open_run(path, cells) for path in paths]
    with reading() as listener:
        given = read_for_all(runs, flags.text, flags.split or "val", listener)
    entries, own = [], flags.text is not None
    for run, text in zip(runs, given, strict=True):
        with reading() as listener:
            entries.append(
                score_run(
                    run, text, weights=flags.weights, limit=flags.limit or None, begins=own, listener=listener
                )
            )
    return given[0].name, [*dict.fromkeys(note for text in given for note in text.notes)], entries


def check_report(flags: ReportFlags) -> None:
    """Raises CharloopError if it is said twice what to compare on."""
    if flags.text is not None and flags.split is not None:
        raise CharloopError("--text and --split do not go together", do="leave one out")
