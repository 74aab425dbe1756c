"""The screen of `charloop sweep`: a row for each run, and one bar for all."""

import math
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from charloop.cli.terminal.base_screen import PLAIN_PAUSE, Screen
from charloop.cli.terminal.tables import left, right, table_lines
from charloop.comparison.sweep import RunTurn, Sweep
from charloop.progress import Progress
from charloop.training.events import INTERRUPTED, Event, Finished, Noted, Started, Stepped, Stopping
from charloop.wording import clock, number_of

if TYPE_CHECKING:
    from charloop.comparison.sweep import PlannedRun
    from charloop.evaluation import Score


SIZES = {"seed": 4, "val": 6, "bits/char": 9, "chars/s": 9, "steps": 7, "time": 7}
"""Columns of figures, and their widths in characters."""


class SweepScreen(Screen):
    """A listener for `comparison.train_sweep`, and a context manager, so that the bar is always taken down."""

    def __init__(self, console: Console | None = None, *, errors: bool = False) -> None:
        super().__init__(console, errors=errors)
        self.seconds: dict[str, list[float]] = {}
        """Seconds that the finished runs of each cell took."""
        self.said: set[str] = set()
        self.has_head, self.resumed_at = False, 0

    def begin(self, sweep: Sweep) -> None:
        """Print what will be trained."""
        self.sweep, corpus, config = sweep, sweep.corpus, sweep.runs[0].config
        width = max(4, *(len(run.cell) for run in sweep.runs))
        figures = [right(head, size) for head, size in SIZES.items()]
        self.columns = [right("run", 6), left("cell", width), *figures, left("")]
        self.chunk = config.data.batch_size * config.data.seq_length
        unit = "bytes" if config.data.unit == "byte" else "characters"
        self.say("text", f"{corpus.description}, {len(corpus.tokens):,} {unit}")
        for note in [*corpus.notes, *([sweep.note] if sweep.note else [])]:
            self.noted(note)
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
        self.say("runs", f"{number_of(len(sweep.runs), 'run')}: {named}, each {self.limits()}")
        self.say("folder", str(sweep.path))

    def limits(self) -> str:
        """Return the budget of each run, in words."""
        config = self.sweep.runs[0].config.training
        limits = [(config.steps, "step"), (config.epochs, "epoch"), (config.minutes, "minute")]
        return " or ".join(number_of(limit, thing) for limit, thing in limits if limit)

    def __call__(self, event: Sweep | RunTurn | Event) -> None:
        match event:
            case Progress():
                self.progressed(event)
            case Sweep():
                self.begin(event)
            case RunTurn():
                self.turn(event)
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
        """Show the next run; one that is finished already gets its row at once."""
        self.now = event
        journal = event.found.journal
        if event.found.is_over and journal:
            self.seconds.setdefault(event.run.cell, []).append(journal.elapsed)
            self.row(journal.best_score, event.found.step, journal.elapsed, "there already")
        self.show(0.0, "", None)

    def stepped(self, event: Stepped) -> None:
        last = event.steps[-1]
        left = self.left(event.progress, event.elapsed) if event.progress > 0.01 else None
        rate = last.step * self.chunk / event.elapsed if event.elapsed else 0.0
        self.show(event.progress, f" · {last.loss:.3f} · {rate:,.0f} chars/s", left)
        if not self.has_bar and time.monotonic() - self.last_row > PLAIN_PAUSE:
            self.row(None, last.step, event.elapsed, f"{event.progress:.0%} of it")

    def show(self, progress: float, figures: str, left: float | None) -> None:
        """Update the bar: the share of all runs, and the run that trains."""
        total, number, run = len(self.sweep.runs), self.now.number, self.now.run
        words = f"{number}/{total} {run.cell} seed {run.seed}{figures}"
        words += f" · {clock(left)} left" if left is not None else ""
        self.progress.update(self.task, completed=(number - 1 + progress) / total, description=words)

    def left(self, progress: float, elapsed: float) -> float:
        """Return the seconds that this run and the later ones need, at the pace of other runs of their cell."""
        whole = elapsed / progress
        known = {cell: sum(times) / len(times) for cell, times in self.seconds.items()}
        later = self.sweep.runs[self.now.number :]
        return whole - elapsed + sum(known.get(run.cell, whole) for run in later)

    def finished(self, event: Finished) -> None:
        """Print the row of a run that is finished or stopped."""
        run, stopped = self.now.run, event.reason == INTERRUPTED
        marks = ["stopped"] if stopped else []
        marks += ["resumed"] if self.resumed_at else []
        marks += [f"{event.skipped} skipped"] if event.skipped else []
        self.row(event.best, event.step, event.elapsed, ", ".join(marks))
        if stopped:
            self.console.print()
            self.say("stopped", "everything is saved")
        else:
            self.seconds.setdefault(run.cell, []).append(event.elapsed)

    def row(self, best: "Score | None", step: int, elapsed: float, mark: str) -> None:
        """Print one line of the table, under its head if it is the first."""
        if not self.has_head:
            self.has_head = True
            self.console.print(Text("\n" + table_lines(self.columns, [], gap=1)[0], "dim"))
        self.last_row = time.monotonic()
        run: PlannedRun = self.now.run
        cells = [
            f"{self.now.number}/{len(self.sweep.runs)}",
            run.cell,
            str(run.seed),
            f"{best.loss:.3f}" if best else "",
            f"{best.loss / math.log(2):.3f}" if best else "",
            f"{step * self.chunk / elapsed:,.0f}" if elapsed else "",
            f"{step:,}",
            clock(elapsed),
            mark,
        ]
        self.console.print(Text(table_lines(self.columns, [cells], gap=1, heads=False)[0]))

    def noted(self, text: str) -> None:
        """Print a note once: most apply to every run."""
        if text not in self.said:
            self.said.add(text)
            super().noted(text)
