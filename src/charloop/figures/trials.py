"""The figure of a sweep over a space: the losses of all trials over time, and how much each setting matters."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from charloop.figures.drawing import COLOURS, GREY, NO_DATE, STYLE, shorten_name
from charloop.training.metrics import EvaluationRecord, read_records

Points: TypeAlias = tuple[Float[np.ndarray, " evaluations"], Float[np.ndarray, " evaluations"]]
"""Minutes of training, and losses in nats per character."""
NAMED = 5
"""The best trials, which have a colour and a name."""
WIDTH, HEIGHT, BAR = 6.5, 3.4, 0.28
"""Inches: the figure without bars, and what each bar adds."""
HIGHEST = 0.9
"""The frame holds this share of the losses: first evaluations may lie above it."""


def draw_trials(folders: Sequence[Path], importance: Mapping[str, float | None], kind: str) -> bytes:
    """Return a file of `kind` png, svg or pdf; `folders` are the trials, the best first."""
    lines = {folder.name: read_losses(folder) for folder in folders}
    bars = {name: share for name, share in importance.items() if share is not None}
    height = HEIGHT + BAR * (len(bars) + 2 if bars else 0)
    file = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        ratios = [HEIGHT, height - HEIGHT] if bars else [1]
        axes = figure.subplots(len(ratios), squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
        draw_losses(axes[0], lines)
        if bars:
            draw_bars(axes[1], bars)
        figure.savefig(file, format=kind, metadata=NO_DATE[kind])
    return file.getvalue()


def read_losses(folder: Path) -> Points:
    """Return the finite validation losses of a trial; none if its run was never started."""
    metrics = folder / "metrics.jsonl"
    records = list(read_records(metrics)) if metrics.exists() else []
    evaluations = [r for r in records if isinstance(r, EvaluationRecord) and np.isfinite(r.loss)]
    return np.array([r.elapsed / 60 for r in evaluations]), np.array([r.loss for r in evaluations])


def draw_losses(axes: Axes, lines: Mapping[str, Points]) -> None:
    """Draw the validation loss of each trial: the best in colours, the others grey behind them."""
    for place, (name, (minutes, losses)) in reversed(list(enumerate(lines.items()))):
        named = place < NAMED
        axes.plot(
            *(minutes, losses),
            color=COLOURS[place] if named else GREY,
            linewidth=1.2 if named else 0.6,
            alpha=1.0 if named else 0.5,
            marker="o",
            markersize=2.0,
            label=shorten_name(name) if named else None,
            zorder=3 if named else 2,
        )
    everything = np.concatenate([losses for _, losses in lines.values()])
    if len(everything):
        low, high = everything.min(), np.quantile(everything, HIGHEST)
        margin = 0.06 * max(high - low, 1e-3)
        axes.set_ylim(low - margin, high + margin)
    axes.set_xlim(left=0)
    axes.set_xlabel("minutes of training")
    axes.set_ylabel("validation loss (nats per character)")
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    axes.figure.legend(handles[::-1], labels[::-1], frameon=False, loc="outside upper left", ncols=NAMED)


def draw_bars(axes: Axes, bars: Mapping[str, float]) -> None:
    """Draw how much each setting matters, the most at the top."""
    names = sorted(bars, key=lambda name: bars[name])
    axes.barh(names, [bars[name] for name in names], color=COLOURS[0], height=0.6)
    for row, name in enumerate(names):
        axes.annotate(
            f"{bars[name]:.0%}", (bars[name], row), xytext=(3, 0), textcoords="offset points", va="center"
        )
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the differences between trials that the setting explains by itself")
    axes.spines[["top", "right"]].set_visible(False)
