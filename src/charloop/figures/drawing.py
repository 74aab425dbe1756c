"""Loss curves for print, by matplotlib: no window opens, and the same curves give the same bytes."""

import io
import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from charloop.baselines import Baselines
from charloop.figures.curves import (
    FEW_EVALUATIONS,
    Against,
    Curves,
    Frame,
    frame_curves,
    label_baselines,
    make_loss_axes,
)

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Distinct for the colour-blind too: Okabe and Ito 2008, Color universal design, without its yellow."""
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")
"""Line styles, for more runs than colours."""
GREY = "#666666"
STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.labelsize": 8,
    "legend.fontsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "charloop",
    "savefig.dpi": 300,
}
NO_DATE: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
HEIGHT, INSIDE = 0.62, 0.7
"""Height of a figure in widths, and of its axes in heights of the figure."""
LABEL_HEIGHT = 7.5
"""Points that a baseline's name needs, with the space around it."""
LEGEND_CHARACTERS, X_TICKS = 15, 1.4
"""For each inch of width: characters of the legend, and ticks of the x axis."""
MAX_NAME = 40
"""Characters of a run's name in the legend."""


def draw_figure(runs: Sequence[Curves], against: Against, width: float, kind: str) -> bytes:
    """Return a file with a figure of all runs (at least one): `width` inches, `kind` png (300 dpi), svg or pdf."""
    file = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Characters of a run's name that the font lacks are drawn as boxes: no warning is needed.
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]
        figure = Figure(figsize=(width, width * HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        frame = frame_curves(runs)
        styles = list(itertools.islice(itertools.product(DASHES, COLOURS), len(runs)))
        styles += [styles[-1]] * (len(runs) - len(styles))
        for run, (dash, colour) in zip(runs, styles, strict=True):
            draw_run(axes, run, colour, dash)
        label_height = LABEL_HEIGHT / 72 / (width * HEIGHT * INSIDE)
        draw_baselines(axes, runs, [colour for _, colour in styles], frame, label_height)
        set_axes(axes, frame, against, max(2, int(width * X_TICKS)))
        add_legend(axes, runs, styles)
        figure.savefig(file, format=kind, metadata=NO_DATE[kind])
    return file.getvalue()


def draw_run(axes: Axes, run: Curves, colour: str, dash: str) -> None:
    """Draw the training loss thin and pale, the validation loss strong above it, and a band behind both."""
    axes.plot(run.training.x, run.training.y, color=colour, alpha=0.45, linewidth=0.7, zorder=3)
    if run.band:
        axes.fill_between(
            *(run.band.x, run.band.low, run.band.high), color=colour, alpha=0.2, linewidth=0, zorder=2
        )
    marker = "o" if len(run.validation.x) <= FEW_EVALUATIONS else ""
    axes.plot(
        *(run.validation.x, run.validation.y),
        color=colour,
        linestyle=dash,
        linewidth=1.4,
        marker=marker,
        markersize=2.5,
        zorder=4,
    )


def draw_baselines(
    axes: Axes, runs: Sequence[Curves], colours: Sequence[str], frame: Frame, label_height: float
) -> None:
    """Draw the baselines: once if all runs have the same, otherwise each run's in its colour."""
    groups: dict[Baselines, str] = {}
    for run, colour in zip(runs, colours, strict=True):
        if run.baselines:
            groups.setdefault(run.baselines, colour)
    for baselines, own in groups.items():
        colour = GREY if len(groups) == 1 else own
        for baseline in baselines.entries:
            if frame.holds(baseline.nats):
                axes.axhline(baseline.nats, color=colour, linewidth=0.4, alpha=0.7, zorder=1)
        for label in label_baselines(baselines, runs, frame, label_height):
            axes.annotate(
                label.text,
                (0.0 if label.left else 1.0, label.nats),
                xycoords=("axes fraction", "data"),
                xytext=(3 if label.left else -3, 0),
                textcoords="offset points",
                ha="left" if label.left else "right",
                va="center",
                fontsize=LABEL_HEIGHT - 1.5,
                color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
                zorder=2,
            )


def set_axes(axes: Axes, frame: Frame, against: Against, x_intervals: int) -> None:
    """Set the limits, the ticks and the names of the axes: nats at the left, bits at the right."""
    x, nats, bits = make_loss_axes(frame, against, x_intervals)
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.low, frame.high)
    axes.set_xlabel(x.label)
    axes.set_ylabel(nats.label)
    axes.set_xticks([tick.position for tick in x.ticks], [tick.label for tick in x.ticks])
    axes.set_yticks([tick.position for tick in nats.ticks], [tick.label for tick in nats.ticks])
    right = axes.secondary_yaxis("right", functions=(to_bits, to_nats))
    right.set_ylabel(bits.label)
    right.set_yticks([to_bits(tick.position) for tick in bits.ticks], [tick.label for tick in bits.ticks])
    axes.spines["top"].set_visible(False)


def to_bits(nats: Any) -> Any:
    """Convert nats, or an array of them, to bits."""
    return nats / math.log(2)


def to_nats(bits: Any) -> Any:
    """Convert bits, or an array of them, to nats."""
    return bits * math.log(2)


def add_legend(axes: Axes, runs: Sequence[Curves], styles: Sequence[tuple[Any, str]]) -> None:
    """Add the legend, above the axes where no curve is: the runs by their colours, the losses by their lines."""
    several = len(runs) > 1
    strong = [Line2D([], [], color=colour, linestyle=dash, linewidth=1.4) for dash, colour in styles]
    one = styles[0][1]
    kinds = [
        Line2D([], [], color=GREY if several else one, linewidth=1.4, marker="o", markersize=2.5),
        Line2D([], [], color=GREY if several else one, linewidth=0.7, alpha=0.45),
    ]
    names = [*([shorten_name(run.name) for run in runs] if several else []), "validation", "training"]
    handles: list[Any] = [*(strong if several else []), *kinds]
    if any(run.band for run in runs):
        names.append("lowest to highest seed")
        handles.append(Patch(facecolor=GREY if several else one, alpha=0.2, linewidth=0))
    space = int(axes.figure.get_figwidth() * LEGEND_CHARACTERS)  # type: ignore[union-attr]
    columns = max(1, min(len(names), space // (max(map(len, names)) + 6)))
    legend = axes.figure.legend(
        handles, ["name"] * len(handles), loc="outside upper left", ncols=columns, frameon=False
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        # Names are shown literally: no formula between dollar signs, not hidden if they begin with _.
        text.set_parse_math(False)
        text.set_text(name)


def shorten_name(name: str) -> str:
    """Return a name of at most `MAX_NAME` characters: its beginning and its end."""
    plain = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in name
    )
    return plain if len(plain) <= MAX_NAME else f"{plain[:18]}…{plain[-21:]}"
