"""Loss curves on paper, by matplotlib: no window, the same bytes each time."""

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
from matplotlib.ticker import StrMethodFormatter

from charloop.baselines import Baselines
from charloop.figures.curves import Axis, Curves
from charloop.figures.frame import Frame, baseline_labels, frame_of

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by the colour-blind too: Okabe and Ito 2008, Color universal design, without its yellow."""
DASHES: tuple[Any, ...] = ("-", "--", ":", "-.")
"""For more runs than colours."""
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
LABELS = {"steps": "steps", "characters": "characters of training text", "minutes": "minutes of training"}
HEIGHT, INSIDE = 0.62, 0.7
"""Of a figure, in widths; of the axes, in heights of the figure."""
SMALL = 7.5
"""Points of a baseline's name, and the room around it."""
COLUMNS_PER_INCH = 15
"""Characters of the legend."""


def draw(runs: Sequence[Curves], against: Axis, width: float, kind: str) -> bytes:
    """A file with a figure of all runs (at least one): `width` inches, `kind` png (300 dpi), svg or pdf."""
    file = io.BytesIO()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A run's name may have signs that the font lacks: a box is shown, and nothing is to be said of it.
        warnings.simplefilter("ignore")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]
        figure = Figure(figsize=(width, width * HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        frame = frame_of(runs)
        styles = list(itertools.islice(itertools.product(DASHES, COLOURS), len(runs)))
        styles += [styles[-1]] * (len(runs) - len(styles))
        for run, (dash, colour) in zip(runs, styles, strict=True):
            draw_run(axes, run, colour, dash)
        draw_baselines(
            axes, runs, [colour for _, colour in styles], frame, SMALL / 72 / (width * HEIGHT * INSIDE)
        )
        set_axes(axes, frame, against)
        add_legend(axes, runs, styles)
        figure.savefig(file, format=kind, metadata=NO_DATE[kind])
    return file.getvalue()


def draw_run(axes: Axes, run: Curves, colour: str, dash: str) -> None:
    """Training thin and pale, validation strong above it, with a mark for each evaluation while they are few.

    The band of several seeds lies behind both.
    """
    axes.plot(run.training.x, run.training.y, color=colour, alpha=0.45, linewidth=0.7, zorder=3)
    if run.band:
        axes.fill_between(
            *(run.band.x, run.band.low, run.band.high), color=colour, alpha=0.2, linewidth=0, zorder=2
        )
    marker = "o" if len(run.validation.x) <= 40 else ""
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
    """The baselines, once where all runs have the same; else each run's in its colour."""
    distinct: dict[Baselines, str] = {}
    for run, colour in zip(runs, colours, strict=True):
        if run.baselines:
            distinct.setdefault(run.baselines, colour)
    for baselines, own in distinct.items():
        colour = GREY if len(distinct) == 1 else own
        for baseline in baselines.entries:
            if frame.holds(baseline.nats):
                axes.axhline(baseline.nats, color=colour, linewidth=0.4, alpha=0.7, zorder=1)
        for label in baseline_labels(baselines, runs, frame, label_height):
            axes.annotate(
                label.text,
                (0.0 if label.left else 1.0, label.nats),
                xycoords=("axes fraction", "data"),
                xytext=(3 if label.left else -3, 0),
                textcoords="offset points",
                ha="left" if label.left else "right",
                va="center",
                fontsize=SMALL - 1.5,
                color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
                zorder=2,
            )


def set_axes(axes: Axes, frame: Frame, against: Axis) -> None:
    """Nats at the left, bits at the right."""
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.low, frame.high)
    axes.set_ylabel("loss (nats per character)")
    million = against == "characters" and frame.right >= 1e6
    axes.set_xlabel(f"millions of {LABELS[against]}" if million else LABELS[against])
    if million:
        axes.xaxis.set_major_formatter(lambda x, _: f"{x / 1e6:g}")
    elif against != "minutes":
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    bits = axes.secondary_yaxis("right", functions=(to_bits, to_nats))
    bits.set_ylabel("bits per character")
    axes.spines["top"].set_visible(False)


def to_bits(nats: Any) -> Any:
    """Nats, or an array of them, in bits."""
    return nats / math.log(2)


def to_nats(bits: Any) -> Any:
    """The way back."""
    return bits * math.log(2)


def add_legend(axes: Axes, runs: Sequence[Curves], styles: Sequence[tuple[Any, str]]) -> None:
    """Above the axes, where no curve is: which colour is which run, which line is which loss."""
    several = len(runs) > 1
    strong = [Line2D([], [], color=colour, linestyle=dash, linewidth=1.4) for dash, colour in styles]
    one = styles[0][1]
    kinds = [
        Line2D([], [], color=GREY if several else one, linewidth=1.4, marker="o", markersize=2.5),
        Line2D([], [], color=GREY if several else one, linewidth=0.7, alpha=0.45),
    ]
    names = [*([shown(run.name) for run in runs] if several else []), "validation", "training"]
    handles: list[Any] = [*(strong if several else []), *kinds]
    if any(run.band for run in runs):
        names.append("lowest to highest seed")
        handles.append(Patch(facecolor=GREY if several else one, alpha=0.2, linewidth=0))
    room = int(axes.figure.get_figwidth() * COLUMNS_PER_INCH)  # type: ignore[union-attr]
    columns = max(1, min(len(names), room // (max(map(len, names)) + 6)))
    legend = axes.figure.legend(
        handles, ["name"] * len(handles), loc="outside upper left", ncols=columns, frameon=False
    )
    for text, name in zip(legend.get_texts(), names, strict=True):
        # Names are people's: neither formulas between dollar signs nor hidden where they begin with a line.
        text.set_parse_math(False)
        text.set_text(name)


def shown(name: str) -> str:
    """A name that fits: its beginning and its end."""
    plain = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)
    return plain if len(plain) <= 40 else f"{plain[:18]}…{plain[-21:]}"
