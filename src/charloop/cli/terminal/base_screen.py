"""The base of both training screens: labelled lines, and a bar below them that is always taken down."""

import time
from typing import TypeVar

from rich.console import Console
from rich.table import Column
from rich.text import Text

from charloop.cli.terminal.bar import LastingConsole, ProgressWords, make_bar
from charloop.progress import Progress
from charloop.wording import describe_progress, entry

INDENT = 9
"""Columns of a label and the space after it."""
PLAIN_PAUSE = 30.0
"""Seconds without output after which a log without a bar gets a row."""

Entered = TypeVar("Entered", bound="Screen")


class Screen:
    """A context manager; `errors`: write to standard error, because standard output is for something else."""

    def __init__(self, console: Console | None = None, *, errors: bool = False) -> None:
        self.console = console or LastingConsole(highlight=False, soft_wrap=True, stderr=errors)
        self.has_bar = self.console.is_interactive
        self.words = ProgressWords(table_column=Column(no_wrap=True))
        self.progress = make_bar(self.console, self.words)
        self.last_row = time.monotonic()
        self.doing, self.doing_since = "", 0.0

    def __enter__(self: Entered) -> Entered:
        self.progress.start()
        self.task = self.progress.add_task("reading the text", total=1.0)
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def say(self, label: str, text: str, style: str = "") -> None:
        """Print one labelled line; a terminal gets a long one wrapped beside its label."""
        # In a pipe, one line stays one line, for grep.
        if self.has_bar and "\n" not in text:
            text = entry("", text, INDENT).strip()
        self.console.print(Text.assemble((f"{label:<8} ", "bold"), text), style=style)

    def noted(self, text: str) -> None:
        """Print a note."""
        self.say("note", text, style="magenta")

    def progressed(self, event: Progress) -> None:
        """Show on the bar how far a text is read; without a bar, print a line now and then."""
        now = time.monotonic()
        if event.doing != self.doing:
            self.doing, self.doing_since = event.doing, now
        words = describe_progress(event, now - self.doing_since)
        share = event.done / max(1, event.total)
        self.progress.update(self.task, completed=share, description=words)
        if not self.has_bar and now - self.last_row > PLAIN_PAUSE:
            self.say("text", words)
            self.last_row = now
