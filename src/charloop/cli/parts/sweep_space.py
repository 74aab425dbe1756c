"""charloop sweep TEXT --space FILE: train the trials of a space, then show what came of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.exit_codes import FAILED, INTERRUPTED
from charloop.cli.flags.comparison import SweepFlags
from charloop.cli.terminal.output import visible
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.files.output import write_output

if TYPE_CHECKING:
    from charloop.comparison.search import SpaceSweep


def run_space(flags: SweepFlags, config: RunConfig, kind: str) -> int:
    """Train the trials, print the table, draw the figure. 0; 2 if no trial has a loss; 130 after Ctrl-C."""
    sweep = train_trials(flags, config)
    if sweep is None:
        return INTERRUPTED
    report(sweep, flags, kind)
    return 0 if any(row.loss is not None for row in sweep.rows()) else FAILED


def train_trials(flags: SweepFlags, config: RunConfig) -> "SpaceSweep | None":
    """Return the sweep, trained; None after Ctrl-C."""
    from charloop.checkpoint.texts import read_corpus
    from charloop.cli.terminal.sweep_screen import SweepScreen
    from charloop.comparison.search import SpaceSweep, locked_folder, read_space, train_space
    from charloop.data import refuse_streams

    assert flags.space is not None
    if not config.data.validation_fraction:
        raise CharloopError("--validation-fraction is 0: trials are compared on that text", do="raise it")
    tables = read_space(flags.space, config)
    refuse_streams(config.data.corpus)
    with SweepScreen(errors=flags.json) as screen:
        corpus = read_corpus(config, None, screen)
        folder = flags.output or Path("runs", f"sweep-{corpus.suggested_name}-{flags.space.stem}")

        def plan() -> SpaceSweep:
            return SpaceSweep.plan(folder, config, corpus, tables, trials=flags.trials, halving=flags.halving)

        plan()  # what is refused is refused before the folder is made
        with locked_folder(folder):
            sweep = plan()
            return sweep if train_space(sweep, screen, catch_signals=True) else None


def report(sweep: "SpaceSweep", flags: SweepFlags, kind: str) -> None:
    """Print the table, or one JSON object, and draw the file of --plot."""
    from charloop.cli.terminal.trial_table import trial_lines, trials_record

    rows, importance = sweep.rows(), sweep.importance()
    if flags.json:
        name = sweep.corpus.description
        print(json.dumps(trials_record(name, sweep.space.method, rows, importance)))
    else:
        print(visible("\n".join(trial_lines(rows, sweep.space.varying, importance))))
    if kind:
        from charloop.figures.trials import draw_trials

        figure = draw_trials([row.trial.path for row in rows], importance, kind)
        write_output("--plot", flags.plot, lambda file: file.write(figure), overwrite=flags.overwrite)
