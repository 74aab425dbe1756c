"""charloop plot: the loss curves of runs as a figure for print."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch, check_ranges, parse
from charloop.config import NonNegativeCount
from charloop.errors import CharloopError
from charloop.files.named import check_target, write_new

KINDS = ("png", "svg", "pdf")
FLAG = "--output"


@dataclass(frozen=True)
class PlotFlags:
    """The loss curves of one run or several, as a figure for print.

    Training and validation loss, in nats (left) and bits per character (right).

    Thin lines are the baselines of the validation text that a run has measured.

    Needs matplotlib: pip install matplotlib
    """

    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")
    ]
    """Runs' folders."""
    output: Annotated[str, tyro.conf.arg(metavar="FILE", aliases=("-o",), help_behavior_hint="")] = ""
    """Where the figure goes: its name ends in .png (300 dpi), .svg or .pdf."""
    against: Literal["steps", "characters", "minutes"] = "steps"
    """What is on the x axis: updates, characters of training text read, or minutes of training."""
    smooth: NonNegativeCount = 0
    """Draw the training loss as a mean over so many steps; 0: a fiftieth of the run, 1: each step's own."""
    width: Annotated[float, Meta(ge=2, le=40)] = 6.0
    """Inches."""
    overwrite: Switch = False
    """Replace the file of --output if it is there already."""


def main(arguments: Sequence[str]) -> None:
    """Draw, and write one file."""
    flags = check_ranges(parse(PlotFlags, "plot", arguments))
    kind = check(flags)
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
    write_new(FLAG, flags.output, lambda file: file.write(figure), overwrite=flags.overwrite)


def check(flags: PlotFlags) -> str:
    """The kind of file that is asked for; CharloopError if there is none, or nothing to draw, or no place for it."""
    if not flags.runs:
        raise CharloopError("no run to draw", do="name its folder: charloop plot runs/book -o curves.png")
    if not flags.output:
        raise CharloopError("no file to draw to", do="name it: -o curves.png, .svg or .pdf")
    return check_file(FLAG, flags.output, overwrite=flags.overwrite)


def check_file(flag: str, name: str, *, overwrite: bool) -> str:
    """The kind of figure that a file's name asks for; CharloopError if it is none, or no place for one."""
    kind = Path(name).suffix.lower().removeprefix(".")
    if kind not in KINDS:
        raise CharloopError(flag, got=name, allowed="a name that ends in .png, .svg or .pdf")
    check_target(flag, name, overwrite=overwrite)
    return kind


def need_matplotlib(who: str = "charloop plot") -> None:
    """Raises CharloopError if it is not installed: it is an extra."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise CharloopError(f"{who} needs matplotlib", do="pip install matplotlib") from None


def names_of(paths: Sequence[Path]) -> list[str]:
    """The folders' names where these tell the runs apart, else the paths as they were given."""
    count = Counter(path.resolve().name for path in paths)
    return [name if count[name := path.resolve().name] == 1 else str(path) for path in paths]
