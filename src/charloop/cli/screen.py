"""What a person sees while a network trains: a bar on a terminal, a row for each evaluation everywhere."""

import math
import time
from collections import deque
from types import TracebackType

from rich.console import Console
from rich.table import Column
from rich.text import Text

from charloop.baselines import Ladder
from charloop.cli.bar import Paper, Words, make_bar
from charloop.cli.curve import Curve
from charloop.cli.output import visible
from charloop.cli.standings import compact, rungs, sentence
from charloop.cli.wording import clock, describe_model, describe_reading, entry, number_of
from charloop.data import Reading
from charloop.training.events import (
    INTERRUPTED,
    USED_UP,
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

ROW = "{step:>9} {epoch:>6} {train:>6} {validation:>6} {bits:>9} {speed:>9} {clock:>8}  {beats:<13} {mark}"
HEADS = ROW.format(
    step="step",
    epoch="epoch",
    train="train",
    validation="val",
    bits="bits/char",
    speed="chars/s",
    clock="time",
    beats="beats by bits",
    mark="",
)
INDENT = 9
"""Columns of a label and the space after it."""
ROOM = 20
"""Rows of a terminal that has room for a curve."""
PLAIN_PAUSE = 30.0
"""Seconds of silence after which a log without a bar gets a row of its own."""
SKIPPED_SHOWN = 10
"""Skipped updates that get a line each, in a sitting; all are counted, and written to skipped.jsonl."""
FEWEST, LONG = 4, 1.0
"""Calls, or seconds, after which the pace is known: the last before an evaluation may end with the one before."""
RECENT = 100
"""Steps over which the training loss is averaged: a single one jumps."""


class TrainingScreen:
    """A listener for `training.run`; a context manager, so that the bar is taken down whatever happens."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Paper(highlight=False, soft_wrap=True)
        self.has_bar = self.console.is_interactive
        self.words = Words(table_column=Column(no_wrap=True))
        self.progress = make_bar(self.console, self.words)
        self.curve, self.progress.above = Curve(), self.picture
        self.losses: deque[float] = deque(maxlen=RECENT)
        self.speeds: deque[tuple[float, int]] = deque(maxlen=50)
        self.epoch, self.resumed_at, self.part_of, self.skipped = 0.0, 0, 0, 0
        self.doing, self.doing_since = "", 0.0
        self.ladder: Ladder | None = None
        self.interrupted = self.has_head = False
        self.last_row = time.monotonic()

    def __enter__(self) -> "TrainingScreen":
        self.progress.start()
        self.task = self.progress.add_task("reading the text", total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Reading():
                self.reading(event)
            case Started():
                self.started(event)
            case Stepped():
                self.stepped(event)
            case Evaluated():
                self.row(event.step, event.elapsed, event.score.loss, "best" if event.is_best else "")
            case Sampled():
                self.sampled(event)
            case Measured():
                self.measured(event.ladder)
            case Noted():
                self.noted(event.text)
            case Stopping():
                self.words.stopping = True
            case Finished():
                self.finished(event)

    def picture(self) -> list[Text]:
        """The curve so far, where there is room for it."""
        if self.console.height < ROOM:
            return []
        return self.curve.draw(self.console.width, self.ladder)

    def say(self, label: str, text: str, style: str = "") -> None:
        """One labelled line."""
        self.console.print(Text.assemble((f"{label:<8} ", "bold"), text), style=style)

    def reading(self, event: Reading) -> None:
        """The bar follows the work on the text; without a bar, a line now and then."""
        now = time.monotonic()
        if event.doing != self.doing:
            self.doing, self.doing_since = event.doing, now
        words = describe_reading(event, now - self.doing_since)
        share = event.done / max(1, event.total)
        self.progress.update(self.task, completed=share, description=words)
        if not self.has_bar and now - self.last_row > PLAIN_PAUSE:
            self.say("text", words)
            self.last_row = now

    def started(self, event: Started) -> None:
        data, (train, validation, test) = event.config.data, event.split
        self.characters, self.resumed_at = data.batch_size * data.seq_length, event.resumed_at
        unit = "bytes" if data.unit == "byte" else "characters"
        network = f"{describe_model(event.config.model)}, {event.parameters:,} parameters"
        self.say("model", f"{network}, {number_of(event.devices, 'device')}")
        self.say("text", f"{event.description}, {sum(event.split):,} {unit}, {event.vocab_size:,} distinct")
        self.say("", f"sha256 {event.content_hash[:16]}")
        limit = event.config.training.validation_limit
        if 0 < limit < validation - 1:
            self.part_of = validation
        some = f" ({limit:,} of them each time, from all over it)" if self.part_of else ""
        parts = f"{train:,} to train on, {validation:,} to validate{some}"
        self.say("split", parts + (f", {test:,} to test" if test else ""))
        chunk = f"{number_of(data.batch_size, 'lane')} x {data.seq_length:,} {unit}"
        self.say("step", f"{chunk}, {number_of(event.chunks_per_epoch, 'step')} an epoch")
        self.say("run", str(event.folder))
        for note in event.notes:
            self.noted(note)
        if event.resumed_at:
            self.say("resume", f"going on after step {event.resumed_at:,}")
        self.progress.update(self.task, completed=0.0, description="compiling the first step")

    def measured(self, ladder: Ladder) -> None:
        self.ladder = ladder
        self.say("compare", rungs(ladder, INDENT))
        if ladder.portion:
            self.noted(ladder.portion)

    def noted(self, text: str) -> None:
        # Down a pipe a line stays a line: somebody may search it.
        self.say("note", entry("", text, INDENT).strip() if self.has_bar else text, style="magenta")

    def stepped(self, event: Stepped) -> None:
        self.losses.extend(step.loss for step in event.steps if not step.skipped)
        for step in event.steps:
            if not step.skipped:
                self.curve.add(event.progress, step.loss)
        self.tell_skipped(event)
        self.speeds.append((time.monotonic(), len(event.steps)))
        self.epoch = event.steps[-1].epoch
        loss = self.train_loss
        parts = [f"loss {loss:.3f}", f"{loss / math.log(2):.3f} bits/char"]
        parts += [f"{self.speed} chars/s"] if self.speed else []
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        if event.progress > 0.01:
            parts.append(f"{clock(event.elapsed * (1 - event.progress) / event.progress)} left")
        self.progress.update(self.task, completed=event.progress, description=" · ".join(parts))
        if not self.has_bar and time.monotonic() - self.last_row > PLAIN_PAUSE:
            self.row(event.steps[-1].step, event.elapsed, None, "")

    def tell_skipped(self, event: Stepped) -> None:
        """A line for each update that was undone, the first few."""
        for step in event.steps:
            if step.skipped:
                self.skipped += 1
                if self.skipped <= SKIPPED_SHOWN:
                    answer = "undone, and the learning rate halved for a while"
                    self.say("skipped", f"step {step.step:,}: {step.skipped}; {answer}", style="magenta")
                if self.skipped == SKIPPED_SHOWN + 1:
                    self.say("", "further ones are counted, and written to skipped.jsonl", style="magenta")

    def row(self, step: int, elapsed: float, validation: float | None, mark: str) -> None:
        """One line of the table, under its head if that is not in sight."""
        if not self.has_head:
            self.console.print(Text("\n" + HEADS.rstrip(), "dim"))
            self.has_head = True
        self.last_row = time.monotonic()
        bits = f"{validation / math.log(2):.3f}" if validation is not None else ""
        line = ROW.format(
            step=f"{step:,}",
            epoch=f"{self.epoch:.2f}",
            train=f"{self.train_loss:.3f}" if self.losses else "",
            validation=f"{validation:.3f}" if validation is not None else "",
            bits=bits,
            speed=self.speed,
            clock=clock(elapsed),
            beats=compact(self.ladder.standing(validation)) if self.ladder and validation is not None else "",
            mark=mark,
        )
        self.console.print(Text(line.rstrip(), "" if mark or validation is None else "dim"))

    def sampled(self, event: Sampled) -> None:
        for temperature, text in event.texts:
            self.console.print(Text(f"\nstep {event.step:,}, temperature {temperature}", "bold"))
            self.console.print(Text(visible(text.strip("\n")), "cyan"))
        self.has_head = False

    def finished(self, event: Finished) -> None:
        self.progress.stop()
        if self.has_bar:
            self.console.print()
            for row in self.picture():
                self.console.print(row)
        self.interrupted = event.reason == INTERRUPTED
        self.console.print()
        after = f"after {number_of(event.step, 'step')}, {clock(event.elapsed)}"
        if self.interrupted:
            self.say("stopped", f"{after}; everything is saved")
        elif event.step == self.resumed_at:
            more = (
                "a longer one, such as --minutes 10"
                if event.reason == USED_UP
                else "a larger --patience, or 0"
            )
            self.say("done", f"{event.reason}, {after}: give {more}")
        else:
            self.say("done", f"{event.reason} {after}")
        if event.best:
            bits, loss = event.best.bits_per_character, event.best.loss
            figures = f"validation {loss:.3f} nats = {bits:.3f} bits per character"
            read = f", on {event.best.characters:,} of {self.part_of:,} characters" if self.part_of else ""
            self.say("best", f"{figures}, at step {event.best_step:,}{read}")
            if self.ladder:
                self.say("worth", sentence(self.ladder.standing(loss)))
        if event.skipped:
            updates = number_of(event.skipped, "update")
            self.say("skipped", f"{updates} undone; skipped.jsonl in the run has their text", style="magenta")

    @property
    def train_loss(self) -> float:
        """Mean loss of the latest steps."""
        return sum(self.losses) / max(1, len(self.losses))

    @property
    def speed(self) -> str:
        """Characters trained on per second, lately."""
        if not self.speeds:
            return ""
        seconds = self.speeds[-1][0] - self.speeds[0][0]
        if len(self.speeds) < FEWEST and seconds < LONG:
            return ""
        steps = sum(count for _, count in list(self.speeds)[1:])
        return f"{steps * self.characters / max(seconds, 1e-9):,.0f}"
