"""The screen of `charloop sweep`: a row for each turn of a run, and one bar for all."""

import math
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column
from rich.text import Text

from charloop.cli.terminal.base_screen import PLAIN_PAUSE, Screen
from charloop.cli.terminal.tables import left, right, table_lines
from charloop.comparison.planned import RunTurn
from charloop.comparison.search import Failed, SpaceSweep, Trial
from charloop.comparison.sweep import Sweep
from charloop.config import TrainingConfig
from charloop.progress import Progress
from charloop.training.events import INTERRUPTED, Event, Finished, Noted, Started, Stepped, Stopping
from charloop.wording import clock, number_of

if TYPE_CHECKING:
    from charloop.evaluation import Score


SIZES = {"val": 6, "bits/char": 9, "chars/s": 9, "steps": 7, "time": 7}
"""Columns of figures, and their widths in characters."""


class SweepScreen(Screen):
    """A listener for `train_sweep` and `train_space`, and a context manager: the bar is always taken down."""

    def __init__(self, console: Console | None = None, *, errors: bool = False) -> None:
        super().__init__(console, errors=errors)
        self.seconds: dict[str, list[float]] = {}
        """Seconds for a whole budget, as finished turns had it, for each cell; of trials all together."""
        self.said: set[str] = set()
        self.has_head, self.resumed_at = False, 0

    def begin(self, sweep: Sweep | SpaceSweep, turns: list[tuple[str, float]]) -> None:
        """Print the text. `turns`: what each turn's time is like, and its part of a budget."""
        self.sweep, self.turns, corpus = sweep, turns, sweep.corpus
        unit = "bytes" if corpus.vocabulary.unit == "byte" else "characters"
        self.say("text", f"{corpus.description}, {len(corpus.tokens):,} {unit}")
        for note in corpus.notes:
            self.noted(note)

    def begin_cells(self, sweep: Sweep) -> None:
        """Print which cells and seeds will be trained."""
        config = sweep.runs[0].config
        self.begin(sweep, [(run.cell, 1.0) for run in sweep.runs])
        self.set_columns(left("cell", max(4, *(len(run.cell) for run in sweep.runs))), right("seed", 4))
        if sweep.note:
            self.noted(sweep.note)
        cells = list(dict.fromkeys(run.cell for run in sweep.runs))
        sizes = [run.config.model.hidden_size for run in sweep.runs[: len(cells)]]
        layers = config.model.num_layers
        same = len(set(sizes)) == 1
        shapes = [
            cell if same else f"{cell} {layers} x {size}" for cell, size in zip(cells, sizes, strict=True)
        ]
        network = f"{', '.join(shapes)}{f': {layers} x {sizes[0]}' if same else ''}"
        seeds = sorted({run.seed for run in sweep.runs})
        named = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
        self.say("cells", network)
        self.say("runs", f"{number_of(len(sweep.runs), 'run')}: {named}, each {limits(config.training)}")
        self.say("folder", str(sweep.path))

    def begin_trials(self, sweep: SpaceSweep) -> None:
        """Print what varies, and how many trials get which part of the budget."""
        rungs = sweep.rungs
        parts = [after - before for before, after in pairwise([0.0, *(rung.share for rung in rungs)])]
        counted = zip(parts, rungs, strict=True)
        self.begin(sweep, [("", part) for part, rung in counted for _ in range(rung.trials)])
        self.set_columns(left("trial", len("trial-000")), right("of it", 5))
        for note in filter(None, (trial.note for trial in sweep.trials)):
            self.noted(note)
        self.say("space", f"{', '.join(sweep.space.varying) or 'one point'} ({sweep.space.method})")
        halving = ", then ".join(f"{rung.trials} to {rung.share:.0%}" for rung in rungs)
        words = f"{number_of(rungs[0].trials, 'trial')}, each {limits(sweep.base.training)}"
        self.say("trials", f"{words} at most: {halving} of it" if len(rungs) > 1 else words)
        self.say("folder", str(sweep.path))

    def set_columns(self, *names: Column) -> None:
        """Set the columns of the rows: what a run is called, and its figures."""
        figures = [right(head, size) for head, size in SIZES.items()]
        self.columns = [right("run", 6), *names, *figures, left("")]

    def names(self) -> list[str]:
        """Return what the current run is called in its row: cell and seed, or trial and part of the budget."""
        run = self.now.run
        if isinstance(run, Trial):
            return [run.path.name, f"{self.now.until:.0%}"]
        return [run.cell, str(run.seed)]

    def __call__(self, event: Sweep | SpaceSweep | RunTurn | Failed | Event) -> None:
        match event:
            case Progress():
                self.progressed(event)
            case Sweep():
                self.begin_cells(event)
            case SpaceSweep():
                self.begin_trials(event)
            case RunTurn():
                self.turn(event)
            case Failed():
                self.row(None, 0, 0.0, f"failed: {event.reason.partition('; ')[0]}")
            case Started():
                self.resumed_at = event.resumed_at
            case Stepped():
                self.stepped(event)
            case Noted():
                self.noted(event.text)
            case Stopping():
                self.words.stopping = True
            case Finished():
                self.finished(event)

    def progressed(self, event: Progress) -> None:
        """Show how far the text is read, the first time only: the runs read it from the cache."""
        if not hasattr(self, "sweep"):
            super().progressed(event)

    def turn(self, event: RunTurn) -> None:
        """Show the next run; one that has done its part already gets its row at once."""
        self.now = event
        self.like, self.part = self.turns[event.number - 1]
        journal = event.found.journal
        if event.is_done and journal:
            if event.found.is_over:
                self.seconds.setdefault(self.like, []).append(journal.elapsed)
            self.row(journal.best_score, event.found.step, journal.elapsed, "there already")
        self.show(0.0, "", None)

    def stepped(self, event: Stepped) -> None:
        last = event.steps[-1]
        left = self.left(event.progress, event.elapsed) if event.progress > 0.01 else None
        rate = last.step * self.now.run.chunk / event.elapsed if event.elapsed else 0.0
        self.show(event.progress, f" · {last.loss:.3f} · {rate:,.0f} chars/s", left)
        if not self.has_bar and time.monotonic() - self.last_row > PLAIN_PAUSE:
            self.row(None, last.step, event.elapsed, f"{event.progress:.0%} of it")

    def show(self, progress: float, figures: str, left: float | None) -> None:
        """Update the bar: the share of all turns, and the run that trains, which is this far in its whole budget."""
        number, parts = self.now.number, [part for _, part in self.turns]
        done = min(max(0.0, progress - (self.now.until - self.part)), self.part)
        words = f"{number}/{len(parts)} {' '.join(self.described())}{figures}"
        words += f" · {clock(left)} left" if left is not None else ""
        completed = (sum(parts[: number - 1]) + done) / sum(parts)
        self.progress.update(self.task, completed=completed, description=words)

    def described(self) -> list[str]:
        """Return what the current run is called on the bar."""
        first, second = self.names()
        return [first, f"to {second}"] if isinstance(self.now.run, Trial) else [first, f"seed {second}"]

    def left(self, progress: float, elapsed: float) -> float:
        """Return the seconds that this turn and the later ones need, at the pace of other turns like them."""
        whole = elapsed / progress
        known = {like: sum(times) / len(times) for like, times in self.seconds.items()}
        later = self.turns[self.now.number :]
        own = max(0.0, self.now.until - progress) * whole
        return own + sum(part * known.get(like, whole) for like, part in later)

    def finished(self, event: Finished) -> None:
        """Print the row of a run that has done its part or is stopped."""
        stopped = event.reason == INTERRUPTED
        # A trial that gets its next part of the budget is resumed each time.
        is_first = self.part == self.now.until
        marks = ["stopped"] if stopped else []
        marks += ["resumed"] if self.resumed_at and is_first else []
        marks += [f"{event.skipped} skipped"] if event.skipped else []
        self.row(event.best, event.step, event.elapsed, ", ".join(marks))
        if stopped:
            self.console.print()
            self.say("stopped", "everything is saved")
        else:
            self.seconds.setdefault(self.like, []).append(event.elapsed / self.now.until)

    def row(self, best: "Score | None", step: int, elapsed: float, mark: str) -> None:
        """Print one line of the table, under its head if it is the first."""
        if not self.has_head:
            self.has_head = True
            self.console.print(Text("\n" + table_lines(self.columns, [], gap=1)[0], "dim"))
        self.last_row = time.monotonic()
        cells = [
            f"{self.now.number}/{len(self.turns)}",
            *self.names(),
            f"{best.loss:.3f}" if best else "",
            f"{best.loss / math.log(2):.3f}" if best else "",
            f"{step * self.now.run.chunk / elapsed:,.0f}" if elapsed else "",
            f"{step:,}" if step else "",
            clock(elapsed) if elapsed else "",
            mark,
        ]
        self.console.print(Text(table_lines(self.columns, [cells], gap=1, heads=False)[0]))

    def noted(self, text: str) -> None:
        """Print a note once: most apply to every run."""
        if text not in self.said:
            self.said.add(text)
            super().noted(text)


def limits(config: TrainingConfig) -> str:
    """Return the budget of each run, in words."""
    found = [(config.steps, "step"), (config.epochs, "epoch"), (config.minutes, "minute")]
    return " or ".join(number_of(limit, thing) for limit, thing in found if limit)
