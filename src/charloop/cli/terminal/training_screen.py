"""The screen of `charloop train`: a live picture on a terminal, and a row for each evaluation everywhere."""

import math
import time

from rich.console import Console
from rich.text import Text

from charloop.baselines import Baselines
from charloop.baselines.wording import list_baselines
from charloop.cli.terminal.base_screen import INDENT, PLAIN_PAUSE, Screen
from charloop.cli.terminal.output import visible
from charloop.cli.terminal.picture import Picture, shows_samples
from charloop.cli.terminal.screen_words import (
    NARROW,
    columns_for,
    ending_lines,
    opening_lines,
    part_validated,
    table_head,
    table_row,
)
from charloop.progress import Progress
from charloop.training.averaging import is_averaging
from charloop.training.events import (
    INTERRUPTED,
    Evaluated,
    Event,
    Finished,
    Measured,
    Noted,
    Sampled,
    Started,
    Stepped,
    Stopping,
)
from charloop.training.progress import EpochEstimate, Pace
from charloop.wording import clock, number_of

SKIPPED_SHOWN = 10
"""Skipped updates that get a line each; later ones are counted and recorded in skipped.jsonl."""


class TrainingScreen(Screen):
    """A listener for `training.run`, and a context manager, so that the bar is always taken down."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self.picture, self.pace, self.estimate = Picture(), Pace(), EpochEstimate()
        self.progress.above = self.drawn
        self.epoch, self.resumed_at, self.part_of, self.skipped, self.averages = 0.0, 0, 0, 0, False
        self.minutes: float | None = None
        self.baselines: Baselines | None = None
        self.interrupted = self.has_head = False

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Stepped):
            self.estimate.pause()
        match event:
            case Progress():
                self.progressed(event)
            case Started():
                self.started(event)
            case Stepped():
                self.stepped(event)
            case Evaluated():
                marks = ["best"] * event.is_best + ["average"] * event.is_averaged
                self.row(event.step, event.elapsed, event.score.loss, ", ".join(marks))
            case Sampled():
                self.sampled(event)
            case Measured():
                self.measured(event.baselines)
            case Noted():
                self.noted(event.text)
            case Stopping():
                self.words.stopping = True
            case Finished():
                self.finished(event)

    def drawn(self) -> list[Text]:
        """Return the picture, if the terminal is large enough."""
        return self.picture.draw(self.console.width, self.console.height)

    def started(self, event: Started) -> None:
        data = event.config.data
        self.pace.characters, self.resumed_at = data.batch_size * data.seq_length, event.resumed_at
        self.estimate.chunks_per_epoch, self.minutes = event.chunks_per_epoch, event.config.training.minutes
        self.part_of, self.averages = part_validated(event), is_averaging(event.config.training)
        for label, text in opening_lines(event):
            self.say(label, text)
        for note in event.notes:
            self.noted(note)
        if event.resumed_at:
            self.say("resume", f"continues after step {event.resumed_at:,}")
        self.progress.update(self.task, completed=0.0, description="compiling the first step")

    def measured(self, baselines: Baselines) -> None:
        self.baselines = self.picture.baselines = baselines
        self.say("compare", list_baselines(baselines, INDENT))
        if baselines.portion:
            self.noted(baselines.portion)

    def stepped(self, event: Stepped) -> None:
        self.pace.add(event.steps)
        if estimate := self.estimate.add(len(event.steps), self.pace.calls[-1][0]):
            # The budget pays for compilation and evaluations too.
            allowed = (self.minutes or 0) * 60 / self.estimate.epoch
            most = number_of(float(f"{allowed:.2g}"), "epoch")
            budget = f"; --minutes {self.minutes:g} allows at most {most}" if allowed else ""
            self.say("epoch", estimate + budget)
        for step in event.steps:
            if not step.skipped:
                self.picture.curve.add(event.progress, step.loss)
        self.print_skipped(event)
        self.epoch = event.steps[-1].epoch
        loss = self.pace.loss
        parts = [f"loss {loss:.3f}", f"{loss / math.log(2):.3f} bits/char"]
        parts += [f"{self.pace.speed} chars/s"] if self.pace.speed else []
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        if event.progress > 0.01:
            parts.append(f"{clock(event.elapsed * (1 - event.progress) / event.progress)} left")
        if self.console.width < NARROW:
            # The time left comes first, as the end may be cut off.
            parts = [parts[0], *parts[:1:-1]]
        self.progress.update(self.task, completed=event.progress, description=" · ".join(parts))
        if not self.has_bar and time.monotonic() - self.last_row > PLAIN_PAUSE:
            self.row(event.steps[-1].step, event.elapsed, None, "")

    def print_skipped(self, event: Stepped) -> None:
        """Print a line for each of the first skipped updates."""
        for step in event.steps:
            if step.skipped:
                self.skipped += 1
                if self.skipped <= SKIPPED_SHOWN:
                    answer = "update discarded, learning rate halved for a while"
                    self.say("skipped", f"step {step.step:,}: {step.skipped}; {answer}", style="magenta")
                if self.skipped == SKIPPED_SHOWN + 1:
                    self.say("", "later ones are counted, and recorded in skipped.jsonl", style="magenta")

    def row(self, step: int, elapsed: float, validation: float | None, mark: str) -> None:
        """Print one line of the table, under its head if that is not in sight."""
        shown = columns_for(self.console.width if self.has_bar else NARROW, averages=self.averages)
        if not self.has_head:
            self.console.print(Text("\n" + table_head(shown), "dim"))
            self.has_head = True
        self.last_row = time.monotonic()
        figures = {"step": f"{step:,}", "epoch": f"{self.epoch:.2f}", "speed": self.pace.speed, "mark": mark}
        figures["train"] = f"{self.pace.loss:.3f}" if self.pace.losses else ""
        line = table_row(shown, figures, elapsed, validation, self.baselines)
        self.console.print(Text(line, "" if "best" in mark or validation is None else "dim"))

    def sampled(self, event: Sampled) -> None:
        """Show samples in the picture; on a small terminal and in a pipe, print them between the rows."""
        self.picture.add_sample(event.step, event.texts)
        if self.has_bar and shows_samples(self.console.width, self.console.height):
            return
        for temperature, text in event.texts:
            self.console.print(Text(f"\nstep {event.step:,}, temperature {temperature}", "bold"))
            self.console.print(Text(visible(text.strip("\n"))))
        self.has_head = False

    def finished(self, event: Finished) -> None:
        self.progress.stop()
        if self.has_bar:
            self.console.print()
            for line in self.drawn():
                self.console.print(line)
        self.interrupted = event.reason == INTERRUPTED
        self.console.print()
        for label, text in ending_lines(event, self.resumed_at, self.part_of, self.baselines):
            self.say(label, text, style="magenta" if label == "skipped" else "")
