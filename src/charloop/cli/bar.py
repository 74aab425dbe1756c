"""The bar that a terminal shows while a network trains, and the paper that it stands on."""

from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.text import Text

from charloop.cli.output import mute

BESIDE_BAR = 70
"""Columns of a terminal that the words beside the bar take."""
STOPPING = "stopping: this is saved first; Ctrl-C again loses it"


class Paper(Console):
    """A console that falls silent when nobody reads it any more: no reason to lose a night's training."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        mute()


class Words(ProgressColumn):
    """What stands beside the bar."""

    stopping = False

    def render(self, task: Task) -> Text:
        """What goes on, or that it is about to end."""
        return Text(STOPPING if self.stopping else task.description, no_wrap=True)


class Bar(Progress):
    """A bar under whatever is drawn `above` it."""

    above: Callable[[], Iterable[RenderableType]] = staticmethod(tuple)

    def get_renderables(self) -> Iterable[RenderableType]:
        """What stands above, then the bar."""
        yield from self.above()
        yield from super().get_renderables()


def make_bar(console: Console, words: Words) -> Bar:
    """A bar that goes away when it stops, and is not there at all where there is no terminal."""
    # Grey and green of the terminal's own palette: they are seen on black and on white.
    bar = BarColumn(
        max(10, min(40, console.width - BESIDE_BAR)),
        style="bright_black",
        complete_style="green",
        finished_style="green",
    )
    return Bar(
        SpinnerColumn(style="green"),
        bar,
        words,
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )
