"""The runs of a comparison, scored on one text, and the table of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.commands.eval.texts import reading
from charloop.cli.flags.comparison import ReportFlags
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.checkpoint import RunFolder
    from charloop.cli.commands.compare.report import Entry
    from charloop.cli.commands.eval.texts import Given


def compare_runs(paths: Sequence[Path], cells: Sequence[str], flags: ReportFlags) -> None:
    """Score the text with every run, and print one table."""
    from charloop.cli.commands.compare.report import facts, lines, ranked
    from charloop.cli.terminal.output import visible

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
    from charloop.devices import offer_cores
    from charloop.programs import keep_programs

    offer_cores()
    keep_programs()
    from charloop.cli.commands.compare.texts import open_run, read_for_all

    runs = [open_run(path, cells) for path in paths]
    given = read_for_all(runs, flags.text, flags.split or "val")
    entries = [measure(run, text, flags) for run, text in zip(runs, given, strict=True)]
    return given[0].name, [*dict.fromkeys(note for text in given for note in text.notes)], entries


def check_report(flags: ReportFlags) -> None:
    """Raises CharloopError if it is said twice what to compare on."""
    if flags.text is not None and flags.split is not None:
        raise CharloopError("--text and --split do not go together", do="leave one out")


def measure(run: "RunFolder", given: "Given", flags: ReportFlags) -> "Entry":
    """A run's loss on the text, character by character, and what it wrote down of its training."""
    from charloop.cli.commands.compare.report import Entry
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
