"""charloop plot: the loss curves of runs, as a figure for print."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch, argument, check_ranges, parse
from charloop.config.ranges import NonNegativeCount
from charloop.errors import CharloopError
from charloop.files.output import check_output, write_output

KINDS = ("png", "svg", "pdf")
FLAG = "--output"


@dataclass(frozen=True)
class PlotFlags:
    """Draw the loss curves of one or several runs as a figure for print.

    It shows training and validation loss, in nats (left) and bits per character.

    Thin lines are the baselines of the validation text, if a run has measured them.

    Needs matplotlib: pip install matplotlib
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], argument("RUN ...")]
    """The folders of the runs."""
    output: Annotated[str, argument("FILE", "-o")] = ""
    """The file to write; its name ends in .png (300 dpi), .svg or .pdf."""
    against: Literal["steps", "characters", "minutes"] = "steps"
    """What the x axis shows: updates, characters of training text read, or minutes of training."""
    smooth: NonNegativeCount = 0
    """Number of steps over which the training loss is averaged; 0: a fiftieth of the run, 1: no averaging."""
    width: Annotated[float, Meta(ge=2, le=40)] = 6.0
    """Width of the figure in inches, from 2 to 40."""
    overwrite: Switch = False
    """Replace the file of --output if it exists."""


def main(arguments: Sequence[str]) -> None:
    """Draw the figure, and write it."""
    flags = check_ranges(parse(PlotFlags, "plot", arguments))
    if not flags.runs:
        raise CharloopError("no run to draw", do="name its folder: charloop plot runs/book -o curves.png")
    if not flags.output:
        raise CharloopError("no file to draw to", do="name it: -o curves.png, .svg or .pdf")
    kind = check_file(FLAG, flags.output, overwrite=flags.overwrite)
    need_matplotlib()
    from charloop.checkpoint import RunFolder
    from charloop.figures import read_curves
    from charloop.figures.drawing import draw_figure

    folders = [RunFolder.open(path, inspect=True) for path in flags.runs]
    names = names_of(flags.runs)
    runs = [
        read_curves(folder, name, flags.against, flags.smooth)
        for folder, name in zip(folders, names, strict=True)
    ]
    figure = draw_figure(runs, flags.against, flags.width, kind)
    write_output(FLAG, flags.output, lambda file: file.write(figure), overwrite=flags.overwrite)


def check_file(flag: str, name: str, *, overwrite: bool) -> str:
    """Return the kind of figure that a file's name asks for; CharloopError for another kind or an invalid path."""
    kind = Path(name).suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise CharloopError(flag, got=name, allowed="a name that ends in .png, .svg or .pdf")
    check_output(flag, name, overwrite=overwrite)
    return kind


def need_matplotlib(who: str = "charloop plot") -> None:
    """Raise CharloopError if matplotlib, an optional dependency, is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise CharloopError(f"{who} needs matplotlib", do="pip install matplotlib") from None


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return the folders' names if they are distinct, otherwise the paths as given."""
    count = Counter(path.resolve().name for path in paths)
    return [name if count[name := path.resolve().name] == 1 else str(path) for path in paths]
