"""Lines drawn anew in their place: as far up as they reach now, on a terminal that was made narrower since."""

import io

import pytest
from rich.console import Console
from rich.control import Control
from rich.live_render import LiveRender
from rich.segment import ControlType
from rich.text import Text

from charloop.cli.terminal.reflow import Reflowed


def ups(control: Control) -> int:
    """Rows that the cursor is sent up."""
    codes = control.segment.control or []
    return sum(code[0] is ControlType.CURSOR_UP for code in codes)


@pytest.mark.parametrize(
    ("width", "rows"),
    [(160, 3), (200, 3), (100, 4), (80, 5), (60, 6), (40, 8)],  # of 150, 10, 81 columns
)
def test_it_goes_up_by_the_rows_that_its_lines_are_broken_into(width: int, rows: int) -> None:
    console = Console(file=io.StringIO(), width=160, force_terminal=True)
    lines = Text("\n").join(Text("x" * columns, no_wrap=True) for columns in (150, 10, 81))
    live = Reflowed(LiveRender(lines), console)
    assert ups(live.position_cursor()) == 0, "nothing is drawn yet"
    console.print(live)
    console.width = width
    assert ups(live.position_cursor()) == rows - 1
    assert ups(live.restore_cursor()) == rows
    console.print(live)
    assert ups(live.position_cursor()) == len(console.render_lines(lines)) - 1, "drawn anew, it fits again"
