"""charloop compare: which of several trained networks predicts a text best, and whether that may be chance."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.arguments import Switch, check_ranges, parse
from charloop.cli.eval_texts import reading
from charloop.config import NonNegativeCount, Positive
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.checkpoint import RunFolder
    from charloop.cli.compare_report import Entry
    from charloop.cli.eval_texts import Given


@dataclass(frozen=True)
class CompareFlags:
    """Which of several trained networks predicts a text best, and is it chance?

    All read the same text: without --text the validation text they have in common.

    Each is compared with the best by a paired t test over blocks of that text.

    Beside it: size, speed of training, steps, and time to a loss (--to-loss).
    """

    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")
    ]
    """Two runs' folders or more."""
    text: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Compare on this text: a file, a folder, or a named corpus."""
    split: Literal["train", "val", "test"] | None = None
    """Compare on this part of the text that all were trained on; val if left out."""
    limit: NonNegativeCount = 0
    """Score about so many characters, from all over the text; 0: every one."""
    to_loss: Annotated[Positive | None, tyro.conf.arg(metavar="X")] = None
    """Show how long each trained until an evaluation came to this loss, in nats per character."""
    json: Switch = False
    """Print one JSON object."""
    weights: Literal["best", "last"] = "best"
    """The weights with the best validation loss, or the newest."""
    cell: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint=""),
    ] = ()
    """The code of a cell, for runs with a cell of their own; once for each such cell."""


def main(arguments: Sequence[str]) -> None:
    """Score the text with every run, and print one table."""
    flags = check_ranges(parse(CompareFlags, "compare", arguments))
    check(flags)

    from charloop.cli.programs import keep_programs
    from charloop.devices import offer_cores

    offer_cores()
    keep_programs()
    from charloop.cli.compare_report import facts, lines, ranked
    from charloop.cli.compare_texts import open_run, read_for_all
    from charloop.cli.output import visible

    runs = [open_run(path, flags.cell) for path in flags.runs]
    given = read_for_all(runs, flags.text, flags.split or "val")
    entries = ranked([measure(run, text, flags) for run, text in zip(runs, given, strict=True)])
    notes = [*dict.fromkeys(note for text in given for note in text.notes)]
    if flags.json:
        print(json.dumps(facts(given[0].name, notes, entries, flags.to_loss)))
    else:
        print(visible("\n".join(lines(given[0].name, notes, entries, flags.to_loss))))


def check(flags: CompareFlags) -> None:
    """Raises CharloopError for flags that do not go together."""
    if len(flags.runs) < 2:
        raise CharloopError(
            "nothing to compare", got=len(flags.runs), allowed="2 runs or more", do="name them side by side"
        )
    if flags.text is not None and flags.split is not None:
        raise CharloopError("--text and --split do not go together", do="leave one out")


def measure(run: "RunFolder", given: "Given", flags: CompareFlags) -> "Entry":
    """A run's loss on the text, character by character, and what it wrote down of its training."""
    from charloop.cli.compare_report import Entry
    from charloop.trained import load_run
    from charloop.training.history import History

    network = load_run(run, weights=flags.weights)
    with reading() as listener:
        score = network.score(given.tokens, flags.limit or None, per_character=True, listener=listener)
    size = sum(value.size for value in network.params.values())
    step = network.facts.get("step")
    return Entry(str(run.path), score, size, step if isinstance(step, int) else None, History.of(run))
