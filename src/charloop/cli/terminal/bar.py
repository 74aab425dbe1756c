"""The bar that a terminal shows while a network trains, and the paper that it stands on."""

from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.progress_bar import ProgressBar
from rich.text import Text

from charloop.cli.terminal.output import mute
from charloop.cli.terminal.reflow import Reflowed

BESIDE_BAR = 70
"""Columns of a terminal that the words beside the bar take."""
NARROWEST, WIDEST = 10, 40
"""Columns of the bar."""
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


class Fitting(BarColumn):
    """A bar as wide as the words beside it leave room for, on a terminal that may be made wider or narrower."""

    def render(self, task: Task) -> ProgressBar:
        """The bar."""
        self.bar_width = max(NARROWEST, min(WIDEST, self.console.width - BESIDE_BAR))
        return super().render(task)

    def __init__(self, console: Console) -> None:
        self.console = console
        # Dim and green of the terminal's own palette: they are seen on black and on white.
        super().__init__(style="dim", complete_style="green", finished_style="green")


class Bar(Progress):
    """A bar under whatever is drawn `above` it."""

    above: Callable[[], Iterable[RenderableType]] = staticmethod(tuple)

    def get_renderables(self) -> Iterable[RenderableType]:
        """What stands above, then the bar."""
        yield from self.above()
        yield from super().get_renderables()


def make_bar(console: Console, words: Words) -> Bar:
    """A bar that goes away when it stops, and is not there at all where there is no terminal."""
    bar = Bar(
        SpinnerColumn(style="green"),
        Fitting(console),
        words,
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )
    bar.live._live_render = Reflowed(bar.live._live_render, console)
    return bar
