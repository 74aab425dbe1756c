"""What both training screens are: a bar that is taken down whatever happens, and labelled lines above it."""

from types import TracebackType
from typing import TypeVar

from rich.console import Console
from rich.table import Column
from rich.text import Text

from charloop.cli.terminal.bar import LastingConsole, ProgressWords, make_bar
from charloop.wording import entry

INDENT = 9
"""Columns of a label and the space after it."""
PLAIN_PAUSE = 30.0
"""Seconds of silence after which a log without a bar gets a row of its own."""

Entered = TypeVar("Entered", bound="Screen")


class Screen:
    """A context manager; `errors`: on standard error, where standard output is for something else."""

    def __init__(self, console: Console | None = None, *, errors: bool = False) -> None:
        self.console = console or LastingConsole(highlight=False, soft_wrap=True, stderr=errors)
        self.has_bar = self.console.is_interactive
        self.words = ProgressWords(table_column=Column(no_wrap=True))
        self.progress = make_bar(self.console, self.words)

    def __enter__(self: Entered) -> Entered:
        self.progress.start()
        self.task = self.progress.add_task("reading the text", total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def say(self, label: str, text: str, style: str = "") -> None:
        """One labelled line."""
        self.console.print(Text.assemble((f"{label:<8} ", "bold"), text), style=style)

    def noted(self, text: str) -> None:
        """A note."""
        # Down a pipe a line stays a line: somebody may search it.
        self.say("note", entry("", text, INDENT).strip() if self.has_bar else text, style="magenta")
