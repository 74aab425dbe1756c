"""What is on the screen while a comparison is trained: rows for runs, one bar for all, time left for all."""

import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from charloop.cli.terminal.sweep_screen import SweepScreen
from charloop.comparison.planned import RunState, RunTurn
from charloop.comparison.search import Failed, SpaceSweep
from charloop.comparison.sweep import Sweep
from charloop.config import DataConfig, RunConfig, TrainingConfig
from charloop.data import Corpus, Vocabulary
from charloop.evaluation import Score
from charloop.training.events import Finished, Noted, Started, Stepped, Stopping
from charloop.training.metrics import StepRecord
from charloop.training.state import Journal

CORPUS = Corpus(np.zeros(1000, np.uint8), Vocabulary.of_text("ab"), "0" * 64, ("a note",), "book", "book")
CONFIG = RunConfig(DataConfig(batch_size=4, seq_length=16), training=TrainingConfig(steps=100))
GRID = Sweep.plan(Path("runs/compare-book"), CONFIG, CORPUS, ["rnn", "ln-lstm"], 2, match=False)
SCORE = Score(nats=2000 * math.log(2), characters=1000)


def make_console(*, terminal: bool) -> Console:
    return Console(
        file=io.StringIO(), width=80, force_terminal=terminal, force_interactive=terminal, soft_wrap=True,
        highlight=False, color_system=None,
    )  # fmt: skip


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def show_sweep(screen: SweepScreen, finished: str = "the budget is used up") -> None:
    """The first run is there, the second is trained for 50 seconds."""
    screen(GRID)
    screen(
        RunTurn(
            1,
            GRID.runs[0],
            RunState(Journal(30.0, (2000 * math.log(2), 1000)), is_over=True, step=100),
            is_done=True,
        )
    )
    screen(RunTurn(2, GRID.runs[1], RunState(None, is_over=False), is_done=False))
    screen(Noted("a note"))
    screen(Stepped([StepRecord(50, 0.5, 1.25, 1.0, 1e-3)], 0.5, 25.0))
    if finished:
        screen(Finished(finished, 100, SCORE, 100, 50.0, skipped=2))


def test_down_a_pipe_there_are_rows() -> None:
    console = make_console(terminal=False)
    with SweepScreen(console) as screen:
        show_sweep(screen)
        screen(RunTurn(3, GRID.runs[2], RunState(None, is_over=False), is_done=False))
        screen(Finished("interrupted", 7, None, 0, 5.0))
    assert (
        written(console)
        == """\
text     book, 1,000 characters
note     a note
cells    rnn, ln-lstm: 2 x 128
runs     4 runs: seeds 0 to 1, each 100 steps
folder   runs/compare-book

   run cell    seed    val bits/char   chars/s   steps    time
   1/4 rnn        0  1.386     2.000       213     100    0:30 there already
   2/4 ln-lstm    0  1.386     2.000       128     100    0:50 2 skipped
   3/4 rnn        1                         90       7    0:05 stopped

stopped  everything is saved
"""
    )


def test_the_bar_says_which_run_and_how_long_for_all() -> None:
    console = make_console(terminal=True)
    with SweepScreen(console) as screen:
        show_sweep(screen, "")
        bar = Console(file=io.StringIO(), width=80, color_system=None)
        bar.print(screen.progress.get_renderable())
        # 25 s of this run are left, 30 for the other rnn as for the first, 50 for the other ln-lstm.
        assert re.search(r"━╸ +2/4 ln-lstm seed 0 · 1\.250 · 128 chars/s · 1:45 left *\n$", written(bar))
        assert screen.progress.tasks[0].completed == pytest.approx(1.5 / 4)
        screen(Stopping())
        bar.print(screen.progress.get_renderable())
        assert "stopping: saving first" in written(bar)


def test_a_resumed_run_says_so() -> None:
    console = make_console(terminal=False)
    with SweepScreen(console) as screen:
        screen(GRID)
        screen(RunTurn(1, GRID.runs[0], RunState(Journal(), is_over=False, step=8), is_done=False))
        screen(Started(Path("x"), CONFIG, "book", [], (1, 1, 0), "0", 2, 1, 1, 1, resumed_at=8))
        screen(Finished("the budget is used up", 100, SCORE, 100, 50.0))
    assert written(console).endswith("0:50 resumed\n")


def test_a_sweep_over_a_space_shows_trials_and_parts_of_the_budget() -> None:
    console, settings = make_console(terminal=False), {"learning_rate": {"values": [0.1, 0.2, 0.3]}}
    space = {"method": "grid", "parameters": settings}
    sweep = SpaceSweep.plan(Path("missing/s"), CONFIG, CORPUS, space, trials=None, halving=True)
    journal, (first, second, third) = Journal(10.0, (2000 * math.log(2), 1000)), sweep.trials
    with SweepScreen(console) as screen:
        screen(sweep)
        screen(RunTurn(1, first, RunState(journal, is_over=False, step=40), is_done=True, until=1 / 3))
        screen(RunTurn(2, second, RunState(None, is_over=False), is_done=False, until=1 / 3))
        screen(Failed("training has diverged; lower it"))
        screen(RunTurn(3, third, RunState(None, is_over=False), is_done=False, until=1 / 3))
        screen(Finished("paused", 40, SCORE, 40, 20.0))
        screen(RunTurn(4, third, RunState(journal, is_over=False, step=40), is_done=False, until=1.0))
        screen(Stepped([StepRecord(50, 0.5, 1.25, 1.0, 1e-3)], 2 / 3, 40.0))
        (task,) = screen.progress.tasks
        # A third of a budget for each of three trials, then two thirds for one, of which half is done.
        assert task.completed == pytest.approx(4 / 5)
        assert task.description.startswith("4/4 trial-002 to 100% · 1.250 · 80 chars/s · 0:20 left")
        screen(Started(Path("x"), CONFIG, "book", [], (1, 1, 0), "0", 2, 1, 1, 1, resumed_at=40))
        screen(Finished("the budget is used up", 100, SCORE, 100, 60.0))
    assert (
        written(console)
        == """\
text     book, 1,000 characters
note     a note
space    learning_rate (grid)
trials   3 trials, each 100 steps at most: 3 to 33%, then 1 to 100% of it
folder   missing/s

   run trial     of it    val bits/char   chars/s   steps    time
   1/4 trial-000   33%  1.386     2.000       256      40    0:10 there already
   2/4 trial-001   33%                                            failed: training has diverged
   3/4 trial-002   33%  1.386     2.000       128      40    0:20
   4/4 trial-002  100%  1.386     2.000       107     100    1:00
"""
    )
