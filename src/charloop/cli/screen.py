"""What a person sees while a network trains: a bar on a terminal, a row for each evaluation everywhere."""

import math
import time
from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from charloop.config import ModelConfig
from charloop.training.events import Evaluated, Event, Finished, Sampled, Started, Stepped

ROW = "{step:>9}  {epoch:>6}  {train:>7}  {validation:>10}  {bits:>9}  {speed:>9}  {clock:>8}  {mark}"
PLAIN_PAUSE = 30.0
"""Seconds of silence after which a log without a bar gets a row of its own."""
RECENT = 100
"""Steps over which the training loss is averaged: a single one jumps."""


class TrainingScreen:
    """A listener for `training.run`; a context manager, so that the bar is taken down whatever happens."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.losses: deque[float] = deque(maxlen=RECENT)
        self.speeds: deque[tuple[float, int]] = deque(maxlen=50)
        self.epoch = 0.0
        self.last_row = time.monotonic()

    def __enter__(self) -> Self:
        self.progress.start()
        self.task = self.progress.add_task("reading the text", total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self.started(event)
            case Stepped():
                self.stepped(event)
            case Evaluated():
                self.row(event.step, event.elapsed, event.score.loss, "best" if event.is_best else "")
            case Sampled():
                self.sampled(event)
            case Finished():
                self.finished(event)

    def say(self, label: str, text: str, style: str = "") -> None:
        """One labelled line."""
        self.console.print(f"[bold]{label:<6}[/bold] {escape(text)}", style=style)

    def started(self, event: Started) -> None:
        data, (train, validation, test) = event.config.data, event.split
        self.characters = data.batch_size * data.seq_length
        plural = "" if event.devices == 1 else "s"
        device = f"{event.devices} device{plural}"
        self.say("model", f"{describe_model(event.config.model)}, {event.parameters:,} parameters, {device}")
        size, unit = train + validation + test, "bytes" if data.unit == "byte" else "characters"
        self.say("text", f"{event.description}, {size:,} {unit}, {event.vocab_size:,} distinct")
        self.say("", f"sha256 {event.content_hash[:16]}")
        parts = f"{train:,} to train on, {validation:,} to validate" + (f", {test:,} to test" if test else "")
        self.say("split", parts)
        shape = f"{data.batch_size} lanes, {data.seq_length} {unit} a step"
        self.say("batch", f"{shape}, {event.chunks_per_epoch:,} steps an epoch")
        self.say("run", str(event.folder))
        for note in event.notes:
            self.say("note", note, style="yellow")
        if event.resumed_at:
            self.say("resume", f"going on after step {event.resumed_at:,}")
        heads = {
            "validation": "validation",
            "bits": "bits/char",
            "speed": "chars/s",
            "clock": "time",
            "mark": "",
        }
        self.console.print()
        self.console.print(
            ROW.format(step="step", epoch="epoch", train="train", **heads).rstrip(), style="dim"
        )
        self.progress.update(self.task, description="compiling the first step")

    def stepped(self, event: Stepped) -> None:
        self.losses.extend(step.loss for step in event.steps)
        self.speeds.append((time.monotonic(), len(event.steps)))
        self.epoch = event.steps[-1].epoch
        loss = self.train_loss
        left = event.elapsed * (1 - event.progress) / event.progress if event.progress > 0.01 else None
        parts = [f"loss {loss:.3f}", f"{loss / math.log(2):.3f} bits/char", f"{self.speed} chars/s"]
        parts += [f"{clock(left)} left"] if left is not None else []
        self.progress.update(self.task, completed=event.progress, description=" · ".join(parts))
        if not self.console.is_terminal and time.monotonic() - self.last_row > PLAIN_PAUSE:
            self.row(event.steps[-1].step, event.elapsed, None, "")

    def row(self, step: int, elapsed: float, validation: float | None, mark: str) -> None:
        """One line of the table."""
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
            mark=mark,
        )
        self.console.print(line.rstrip(), style="" if mark or validation is None else "dim")

    def sampled(self, event: Sampled) -> None:
        for temperature, text in event.texts:
            self.console.print(f"\n[bold]step {event.step:,}, temperature {temperature}[/bold]")
            self.console.print(escape(text.strip("\n")), style="cyan")
        self.console.print()

    def finished(self, event: Finished) -> None:
        self.progress.stop()
        self.console.print()
        self.say("done", f"{event.reason} after {event.step:,} steps, {clock(event.elapsed)}")
        if event.best:
            bits, loss = event.best.bits_per_character, event.best.loss
            self.say(
                "best",
                f"validation {loss:.3f} nats = {bits:.3f} bits per character, at step {event.best_step:,}",
            )

    @property
    def train_loss(self) -> float:
        """Mean loss of the latest steps."""
        return sum(self.losses) / max(1, len(self.losses))

    @property
    def speed(self) -> str:
        """Characters trained on per second, lately."""
        if len(self.speeds) < 2:
            return ""
        seconds = self.speeds[-1][0] - self.speeds[0][0]
        steps = sum(count for _, count in list(self.speeds)[1:])
        return f"{steps * self.characters / max(seconds, 1e-9):,.0f}"


def describe_model(config: ModelConfig) -> str:
    """The network in a few words."""
    options = f" ({', '.join(config.cell_options)})" if config.cell_options else ""
    return f"{config.cell}{options}, {config.num_layers} x {config.hidden_size}"


def clock(seconds: float | None) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(int(seconds or 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
