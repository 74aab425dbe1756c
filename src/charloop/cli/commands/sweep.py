"""charloop sweep: train several cells with several seeds, or the trials of a space, then compare them."""

import json
import shlex
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.exit_codes import INTERRUPTED
from charloop.cli.flags.comparison import SweepFlags
from charloop.cli.flags.parsing import check_ranges, given_flags
from charloop.cli.flags.training import find_base, make_config, parse_over
from charloop.cli.parts.sweep_space import run_space
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.comparison_tables import cell_lines, print_runs
from charloop.cli.terminal.output import print_lines, visible
from charloop.cli.terminal.progress import showing_progress
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.presets import AUTO, PRESETS

if TYPE_CHECKING:
    from charloop.comparison import Sweep
    from charloop.data import Vocabulary

OLD_FLAGS = {"text": "text-file"}
"""Former names of flags of `charloop compare`, which could train too."""


def main(arguments: Sequence[str]) -> int:
    """Train what is not trained yet, then report. 0; 130 if Ctrl-C ended it."""
    given = given_flags(arguments)
    # Enough to know the preset, file or run whose settings the flags change.
    try:
        first = parse_over(SweepFlags, "sweep", None, arguments, set())
    except CharloopError as error:
        raise point_to_space(error, arguments) from None
    if first.preset == AUTO:
        raise CharloopError(
            "charloop sweep has no --preset auto, which depends on the speed of the machine at that time",
            do=f"name another: {', '.join(PRESETS)}",
        )
    flags = check_ranges(parse_over(SweepFlags, "sweep", find_base(first)[0], arguments, given))
    config = make_config(flags, given)
    flags.refuse_foreign(given)
    cells = [] if flags.space else check_cells(flags)
    check_text(flags)
    check_part(flags, config)
    kind = check_plot(flags)
    prepare_jax()
    try:
        end = run_space(flags, config, kind) if flags.space else run_cells(flags, config, cells, kind)
    except KeyboardInterrupt:
        # Ctrl-C between two runs, or while one is prepared: every checkpoint is complete.
        end = INTERRUPTED
    if end == INTERRUPTED:
        again = f"\nresume:  {shlex.join(['charloop', 'sweep', *arguments])}"
        print(again, file=sys.stderr if flags.json else sys.stdout)
    return end


def point_to_space(error: CharloopError, arguments: Sequence[str]) -> CharloopError:
    """Return the error of wrong flags; where a setting got several values, with what takes them."""
    from charloop.comparison.search.space import FIXED, SECTION_OF

    words = [part for word in arguments for part in word.split("=", 1)]
    for flag, value in pairwise(words):
        name = flag.removeprefix("--").replace("-", "_")
        if "," in value and flag in error.what.split(":")[0].split() and name in SECTION_OF.keys() - FIXED:
            do = f"to try several values: --space FILE, with values = [...] under [parameters.{name}]"
            return CharloopError(error.what, got=error.got, allowed=error.allowed, do=do)
    return error


def run_cells(flags: SweepFlags, config: RunConfig, cells: Sequence[str], kind: str) -> int:
    """Train cells with seeds, and compare them."""
    sweep = train_all(flags, config, cells)
    if sweep is None:
        return INTERRUPTED
    print_comparison(sweep, cells, flags)
    if kind:
        draw_figure(sweep, flags, kind)
    return 0


def check_cells(flags: SweepFlags) -> list[str]:
    """Return the cells to train; CharloopError if there is nothing to compare."""
    flags.refuse_two_texts()
    if not flags.cells:
        raise CharloopError(
            "no cells to train",
            do="name them: charloop sweep book.txt --cells lstm,gru; or the settings that vary: --space FILE",
        )
    cells = [cell.strip() for cell in flags.cells.split(",")]
    if not all(cells):
        raise CharloopError("--cells", got=flags.cells, allowed="names separated by commas: lstm,gru")
    if len(cells) * flags.seeds < 2:
        raise CharloopError(
            "one cell with one seed is nothing to compare", do="name another cell, or give --seeds 3"
        )
    return cells


def check_text(flags: SweepFlags) -> None:
    """Raise CharloopError if there is no text to train on, or one that can be read only once."""
    runs = [text for text in flags.data.corpus if Path(text, "config.json").is_file()]
    if runs:
        raise CharloopError(
            f"{runs[0]} is a run, and charloop sweep trains on texts",
            do="name a text, or compare runs: charloop compare RUN RUN",
        )
    if not flags.data.corpus:
        raise CharloopError(
            "no text to train on",
            do="give a file, a folder or a corpus: charloop sweep book.txt --cells lstm,gru",
        )
    if "-" in flags.data.corpus:
        raise CharloopError(
            "standard input is read once, and every run reads the text", do="write it to a file first"
        )


def check_part(flags: SweepFlags, config: RunConfig) -> None:
    """Raise CharloopError if the part of the text to compare on is empty."""
    name = {"val": "validation_fraction", "test": "test_fraction"}.get(flags.split or "val")
    if name and not flags.text_file and not getattr(config.data, name):
        raise CharloopError(
            f"--{name.replace('_', '-')} is 0: there is no text to compare on",
            do="raise it, or give --text-file FILE",
        )


def check_plot(flags: SweepFlags) -> str:
    """Return the kind of figure to draw, "" for none. What would fail after hours of training fails now."""
    from charloop.cli.commands.plot import check_file, need_matplotlib

    if not flags.plot:
        return ""
    kind = check_file("--plot", flags.plot, overwrite=flags.overwrite)
    need_matplotlib("--plot")
    return kind


def train_all(flags: SweepFlags, config: RunConfig, cells: Sequence[str]) -> "Sweep | None":
    """Return the runs, all trained; None after Ctrl-C."""
    from charloop.checkpoint.texts import read_corpus
    from charloop.cli.terminal.sweep_screen import SweepScreen
    from charloop.comparison import Sweep, train_sweep
    from charloop.data import refuse_streams

    refuse_streams(config.data.corpus)
    with SweepScreen(errors=flags.json) as screen:
        corpus = read_corpus(config, None, screen)
        folder = flags.output or own_folder(corpus.suggested_name)
        sweep = Sweep.plan(folder, config, corpus, cells, flags.seeds, match=flags.match == "parameters")
        if flags.text_file:
            read_for_vocabulary(config, corpus.vocabulary, flags.text_file)
        return sweep if train_sweep(sweep, screen, catch_signals=True) else None


def own_folder(text: str) -> Path:
    """Return the folder for runs on `text`: the one that `charloop compare --cells` made, if it is there."""
    former = Path("runs", f"compare-{text}")
    return former if former.is_dir() else Path("runs", f"sweep-{text}")


def read_for_vocabulary(config: RunConfig, vocabulary: "Vocabulary", file: str) -> None:
    """Raise CharloopError if the networks that are about to be trained cannot score the text in `file`."""
    from charloop.comparison import refuse_stream
    from charloop.comparison.texts import SAME_CHARACTERS
    from charloop.data import load_corpus
    from charloop.data.unknown import UnknownCharacterError

    refuse_stream(file)
    data = config.data
    try:
        load_corpus(
            (file,), encoding=data.encoding, errors=data.errors, vocabulary=vocabulary, fields=data.fields
        )
    except UnknownCharacterError as error:
        raise error.advising(SAME_CHARACTERS) from None


def print_comparison(sweep: "Sweep", cells: Sequence[str], flags: SweepFlags) -> None:
    """Print the table over seeds, or of the runs themselves if there is only one seed."""
    from charloop.cells import is_file_cell
    from charloop.comparison import cells_record, group_by_cell, rank_cells, score_runs

    own = [cell for cell in cells if is_file_cell(cell)]
    with showing_progress() as listener:
        scored = score_runs([run.path for run in sweep.runs], flags.choice(), cells=own, listener=listener)
    if flags.seeds == 1:
        print_runs(scored, flags)
        return
    groups = rank_cells(group_by_cell(sweep, scored.entries))
    if flags.json:
        print(json.dumps(cells_record(scored.text, scored.notes, groups, flags.to_loss)))
    else:
        print_lines(map(visible, cell_lines(scored.text, scored.notes, groups, flags.to_loss)))


def draw_figure(sweep: "Sweep", flags: SweepFlags, kind: str) -> None:
    """Draw the file of --plot."""
    from charloop.checkpoint import RunFolder
    from charloop.figures import average_runs, read_curves
    from charloop.figures.drawing import draw_figure
    from charloop.files.output import write_output

    curves = []
    for cell in dict.fromkeys(run.cell for run in sweep.runs):
        folders = [RunFolder.open(run.path, inspect=True) for run in sweep.runs if run.cell == cell]
        curves.append(average_runs(cell, [read_curves(folder, cell, "steps") for folder in folders]))
    figure = draw_figure(curves, "steps", 6.0, kind)
    write_output("--plot", flags.plot, lambda file: file.write(figure), overwrite=flags.overwrite)
