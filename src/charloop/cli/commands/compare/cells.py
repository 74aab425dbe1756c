"""charloop compare TEXT --cells ...: train cells with several seeds, then compare them."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.commands.compare.runs import check_report, compare_runs, score_all
from charloop.cli.exit_codes import INTERRUPTED
from charloop.cli.flags.comparison import CompareCellsFlags
from charloop.cli.flags.parsing import check_ranges
from charloop.cli.flags.training import base_of, first_look, over, settings
from charloop.cli.terminal.output import visible
from charloop.config import RunConfig
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.comparison.grid import Grid
    from charloop.data import Vocabulary

NAME = "compare --cells"


def main(arguments: Sequence[str], given: set[str]) -> int:
    """Train what is not trained yet, then report. 0, or 130 if Ctrl-C ended it."""
    if {"-h", "--help"} & set(arguments):
        first_look(CompareCellsFlags, NAME, ["--help"])
    base = base_of(first_look(CompareCellsFlags, NAME, arguments))
    flags = check_ranges(over(CompareCellsFlags, NAME, base, arguments, given))
    config, cells = settings(flags, given), check(flags)
    check_part(flags, config)
    kind = check_plot(flags)

    from charloop.compilation_cache import enable_compilation_cache
    from charloop.devices import use_all_cores

    use_all_cores()
    enable_compilation_cache()
    again = f"go on:   {shlex.join(['charloop', 'compare', *arguments])}"
    try:
        grid = trained(flags, config, cells)
    except KeyboardInterrupt:
        # Between two runs, or while one is made ready: what is saved is saved.
        grid = None
    if grid is None:
        print(f"\n{again}", file=sys.stderr if flags.json else sys.stdout)
        return INTERRUPTED
    report(grid, cells, flags)
    if kind:
        draw_figure(grid, flags, kind)
    return 0


def check(flags: CompareCellsFlags) -> list[str]:
    """The cells that are asked for; CharloopError if there is nothing to compare, or no text to do it on."""
    check_report(flags)
    cells = [cell.strip() for cell in flags.cells.split(",")]
    if not all(cells):
        raise CharloopError("--cells", got=flags.cells, allowed="names with commas between them: lstm,gru")
    if len(cells) * flags.seeds < 2:
        raise CharloopError(
            "one cell with one seed is nothing to compare", do="name another cell, or give --seeds 3"
        )
    runs = [text for text in flags.data.corpus if Path(text, "config.json").is_file()]
    if runs:
        raise CharloopError(
            f"{runs[0]} is a run, and --cells trains on texts",
            do="leave out --cells to compare runs, or name a text",
        )
    if not flags.data.corpus:
        raise CharloopError(
            "no text to train on",
            do="give a file, a folder or a corpus: charloop compare book.txt --cells ...",
        )
    return cells


def check_part(flags: CompareCellsFlags, config: RunConfig) -> None:
    """Raises CharloopError if the part of the text to compare on is not set apart."""
    name = {None: "validation_fraction", "val": "validation_fraction", "test": "test_fraction"}.get(
        flags.split
    )
    if name and not flags.text and not getattr(config.data, name):
        raise CharloopError(
            f"nothing is set apart by --{name.replace('_', '-')} to compare on",
            do="set it, or give --text FILE",
        )


def check_plot(flags: CompareCellsFlags) -> str:
    """The kind of figure that is asked for, empty if none is. What would fail after hours fails now."""
    from charloop.cli.commands.plot import check_file, need_matplotlib

    if not flags.plot:
        return ""
    kind = check_file("--plot", flags.plot, overwrite=flags.overwrite)
    need_matplotlib("--plot")
    return kind


def trained(flags: CompareCellsFlags, config: RunConfig, cells: Sequence[str]) -> "Grid | None":
    """The runs, all trained; None if someone asked to stop."""
    from charloop.checkpoint.text import read_corpus
    from charloop.cli.terminal.comparison_screen import GridScreen
    from charloop.comparison.grid import Grid, train_grid
    from charloop.data import refuse_streams

    refuse_streams(config.data.corpus)
    refuse_standard_input(config.data.corpus)
    with GridScreen(errors=flags.json) as screen:
        corpus = read_corpus(config, None, screen)
        folder = flags.output or Path("runs") / f"compare-{corpus.suggested_name}"
        grid = Grid.plan(folder, config, corpus, cells, flags.seeds, match=flags.match == "parameters")
        if flags.text:
            read_for_vocabulary(config, corpus.vocabulary, flags.text)
        return grid if train_grid(grid, screen, catch_signals=True) else None


def refuse_standard_input(sources: Sequence[str]) -> None:
    """Raises CharloopError for what can be read once: every run reads the text."""
    if "-" in sources:
        raise CharloopError(
            "standard input is read once, and every run reads the text", do="write it to a file first"
        )


def read_for_vocabulary(config: RunConfig, vocabulary: "Vocabulary", text: str) -> None:
    """Raises CharloopError if the text of --text cannot be scored by what is about to be trained."""
    from charloop.comparison import refuse_what_is_read_once
    from charloop.data import load_corpus

    refuse_what_is_read_once(text)
    load_corpus((text,), encoding=config.data.encoding, errors=config.data.errors, vocabulary=vocabulary)


def report(grid: "Grid", cells: Sequence[str], flags: CompareCellsFlags) -> None:
    """The table: over seeds, or of the runs themselves where there is one seed."""
    from charloop.cells import is_file_cell
    from charloop.cli.commands.compare.cell_table import lines
    from charloop.comparison import cells_record, group_by_cell, rank_cells

    own = [cell for cell in cells if is_file_cell(cell)]
    paths = [run.path for run in grid.runs]
    if flags.seeds == 1:
        compare_runs(paths, own, flags)
        return
    name, notes, entries = score_all(paths, own, flags)
    groups = rank_cells(group_by_cell(grid, entries))
    if flags.json:
        print(json.dumps(cells_record(name, notes, groups, flags.to_loss)))
    else:
        print(visible("\n".join(lines(name, notes, groups, flags.to_loss))))


def draw_figure(grid: "Grid", flags: CompareCellsFlags, kind: str) -> None:
    """Write the figure of --plot."""
    from charloop.checkpoint import RunFolder
    from charloop.figures import curves_of, over_seeds
    from charloop.figures.drawing import draw
    from charloop.files.named import write_new

    curves = []
    for cell in dict.fromkeys(run.cell for run in grid.runs):
        folders = [RunFolder.open(run.path, inspect=True) for run in grid.runs if run.cell == cell]
        curves.append(over_seeds(cell, [curves_of(folder, cell, "steps") for folder in folders]))
    figure = draw(curves, "steps", 6.0, kind)
    write_new("--plot", flags.plot, lambda file: file.write(figure), overwrite=flags.overwrite)
