"""Lines that are drawn anew in their place, also where the terminal was made narrower and has broken them."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions
from rich.control import Control
from rich.live_render import LiveRender
from rich.segment import Segment


class Reflowed(LiveRender):
    """rich's living lines, which knows how many rows they take by now.

    rich (15.0) goes up by as many rows as it wrote. A terminal that is made narrower breaks long lines into several
    rows, and what is above the cursor would be left behind, torn. Assumed: it breaks them at its edge, as tmux and
    most terminals do; one that cuts them off instead loses some rows of the table on its screen.
    """

    def __init__(self, live: LiveRender, console: Console) -> None:
        super().__init__(live.renderable, live.style, live.vertical_overflow)
        self.console = console
        self._widths: list[int] = []
        self._drawn_at = 0

    def position_cursor(self) -> Control:
        """To where the lines begin, all of them erased."""
        self._count_rows()
        return super().position_cursor()

    def restore_cursor(self) -> Control:
        """The same from the row below them."""
        self._count_rows()
        return super().restore_cursor()

    def _count_rows(self) -> None:
        width = self.console.width
        if self._shape is not None and width < self._drawn_at:
            self._shape = width, sum(max(1, -(-columns // width)) for columns in self._widths)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        self._drawn_at = console.width
        segments = [part for part in super().__rich_console__(console, options) if isinstance(part, Segment)]
        self._widths = [sum(cell_len(part.text) for part in line) for line in Segment.split_lines(segments)]
        yield from segments
