"""A live display is erased whole, also on a terminal that was made narrower since and has broken its lines."""

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from charloop.cli.terminal.bar import ProgressWords, make_bar


def ups(written: str) -> int:
    """Rows that the cursor is sent up."""
    return len(re.findall(r"\x1b\[1A", written))


def shown(console: Console) -> str:
    """What was written since the last time."""
    assert isinstance(console.file, io.StringIO)
    found = console.file.getvalue()
    console.file.seek(0)
    console.file.truncate()
    return found


@pytest.mark.parametrize(
    ("width", "rows"),
    [(160, 4), (200, 4), (100, 5), (80, 6), (60, 7), (40, 9)],  # of 150, 10, 81 columns, and a short bar
)
def test_it_goes_up_by_the_rows_that_its_lines_are_broken_into(width: int, rows: int) -> None:
    console = Console(file=io.StringIO(), width=160, height=50, force_terminal=True, force_interactive=True)
    bar = make_bar(console, ProgressWords())
    bar.live.auto_refresh = False
    bar.add_task("", total=1.0)
    bar.above = lambda: [Text("x" * columns, no_wrap=True, overflow="ignore") for columns in (150, 10, 81)]
    bar.columns = bar.columns[:1]
    bar.start()
    shown(console)
    bar.refresh()
    assert ups(shown(console)) == 3, "nothing has changed"
    console.width = width
    console.print("a note")
    assert ups(shown(console)) == rows - 1
    console.width = 160
    bar.refresh()
    shown(console)
    console.width = width
    bar.stop()
    # Once more at this width, and rich's own way down.
    assert ups(shown(console)) >= rows
    assert console.print("after") is None
    assert ups(shown(console)) == 0, "the display and its hook are gone"
