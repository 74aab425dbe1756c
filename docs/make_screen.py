"""Write docs/images/training.svg, the training screen of a real run; `make screen` runs this."""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from charloop.cli.commands.train import main
from charloop.cli.terminal import training_screen
from charloop.cli.terminal.bar import LastingConsole
from charloop.training.events import Event, Finished, Stepped

TARGET = Path(__file__).with_name("images") / "training.svg"
COMMAND = "train shakespeare --cell gru --hidden-size 128 --steps 400 --eval-every 30 --sample-every 2"
COLUMNS = 140
SHOWN_AT = 0.75
"""The picture is taken this far through the run."""


class RecordingConsole(LastingConsole):
    """A terminal of `COLUMNS` columns that remembers the lines printed above the live part of the screen."""

    def __init__(self, **_: Any) -> None:
        super().__init__(file=io.StringIO(), force_terminal=True, width=COLUMNS, height=40, soft_wrap=True)
        self.lines: list[tuple[Any, str]] = []

    def print(self, *objects: Any, style: Any = None, **options: Any) -> None:
        self.lines += [(one, style or "") for one in objects if isinstance(one, Text | str)]
        super().print(*objects, style=style, **options)


class PictureScreen(training_screen.TrainingScreen):
    """The training screen, which keeps a picture of itself."""

    picture_of_it: "str | None" = None

    def __init__(self) -> None:
        super().__init__(RecordingConsole())

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        is_due = isinstance(event, Stepped) and event.progress >= SHOWN_AT
        if PictureScreen.picture_of_it is None and (is_due or isinstance(event, Finished)):
            PictureScreen.picture_of_it = self.draw_svg()

    def draw_svg(self) -> str:
        """Return the whole screen as it is now."""
        console = Console(record=True, file=io.StringIO(), force_terminal=True, width=COLUMNS, soft_wrap=True)
        for line, style in self.console.lines:  # type: ignore[attr-defined]
            console.print(line, style=style, highlight=False)
        for part in self.progress.get_renderables():
            console.print(part)
        svg = console.export_svg(title=f"charloop {COMMAND}", unique_id="training")
        # The picture fetches no font: it uses the reader's own.
        start, stop = svg.index("@font-face"), svg.index(".training-matrix")
        svg = svg[:start] + svg[stop:]
        return svg.replace(
            "Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
        )


if __name__ == "__main__":
    training_screen.TrainingScreen = PictureScreen  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        main(COMMAND.split()[1:])
    if PictureScreen.picture_of_it is None:
        raise SystemExit("the run ended before a picture was taken")
    TARGET.write_text(PictureScreen.picture_of_it, encoding="utf-8")
    print(f"wrote {TARGET}")
