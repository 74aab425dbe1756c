"""The bar that a terminal shows while a network trains, and the console that it is drawn on."""

from collections.abc import Callable, Iterable, Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.control import Control
from rich.live_render import LiveRender
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.text import Text

from charloop.cli.terminal.output import mute

BESIDE_BAR = 70
"""Columns of a terminal that the words beside the bar take."""
MIN_BAR_WIDTH, MAX_BAR_WIDTH = 10, 40
"""Columns of the bar."""
STOPPING = "stopping: saving first; Ctrl-C again stops without saving"


class LastingConsole(Console):
    """A console that stops writing when its reader exits (`| head`), so that training continues."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        mute()


class ProgressWords(ProgressColumn):
    """The words beside the bar."""

    stopping = False

    def render(self, task: Task) -> Text:
        """Return what is being done, or that the run is stopping."""
        return Text(STOPPING if self.stopping else task.description, no_wrap=True)


class Fitting(BarColumn):
    """A bar as wide as the words beside it allow, on a terminal that may be made wider or narrower."""

    def render(self, task: Task) -> ProgressBar:
        """Return the bar at its new width."""
        self.bar_width = max(MIN_BAR_WIDTH, min(MAX_BAR_WIDTH, self.console.width - BESIDE_BAR))
        return super().render(task)

    def __init__(self, console: Console) -> None:
        self.console = console
        # The terminal's own dim and green can be seen on black and on white.
        super().__init__(style="dim", complete_style="green", finished_style="green")


class Reflow(RenderHook):
    """Erases a live display whole after the terminal was made narrower.

    rich (15.0) moves the cursor up by as many rows as it wrote. A terminal that is made narrower breaks long lines
    into several rows, so this hook, which stands behind rich's own, moves it up by the rest. Assumption: the terminal
    breaks lines at its edge, as tmux and most others do; one that cuts them off loses some rows of what is above.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.drawn_at, self.widths = 0, list[int]()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Return what rich is about to print, with the missing moves after its first, and the display measured."""
        if not renderables or not isinstance(renderables[-1], LiveRender):
            return renderables
        up, *printed, display = renderables
        return [up, self.moves_up(), *printed, MeasuredDisplay(display, self)]

    def moves_up(self) -> Control:
        """Return the moves by which rich falls short: none unless the terminal is narrower than at the last time."""
        width = self.console.width
        if width >= self.drawn_at:
            return Control()
        rows = sum(max(1, -(-columns // width)) for columns in self.widths) - len(self.widths)
        return Control(*((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * rows)


class MeasuredDisplay:
    """A live display that tells `reflow` how wide its lines are when it is drawn."""

    def __init__(self, display: ConsoleRenderable, reflow: Reflow) -> None:
        self.display, self.reflow = display, reflow

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        segments = list(console.render(self.display, options))
        lines = Segment.split_lines(segments)
        self.reflow.drawn_at = console.width
        self.reflow.widths = [sum(cell_len(part.text) for part in line) for line in lines]
        yield from segments


class Bar(Progress):
    """A bar under whatever is drawn `above` it."""

    above: Callable[[], Iterable[RenderableType]] = staticmethod(tuple)

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield what stands above, then the bar."""
        yield from self.above()
        yield from super().get_renderables()

    def start(self) -> None:
        """Show the bar."""
        super().start()
        if self.live.is_started:
            self.console.push_render_hook(Reflow(self.console))
            self.refresh()

    def stop(self) -> None:
        """Take the bar down."""
        if self.live.is_started:
            # Drawn once more at the present width, after which rich itself knows how many rows to erase.
            self.refresh()
            self.console.pop_render_hook()
        super().stop()


def make_bar(console: Console, words: ProgressWords) -> Bar:
    """Return a bar that goes away when it stops, and is never shown without a terminal."""
    return Bar(
        SpinnerColumn(style="green"),
        Fitting(console),
        words,
        console=console,
        transient=True,
        disable=not console.is_interactive,
    )
