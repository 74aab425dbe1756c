"""What a comparison says to people: a table of runs, or of cells over several seeds, and which is the best."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from charloop.cli.flags.comparison import ScoringFlags
from charloop.cli.terminal.output import print_lines, visible
from charloop.cli.terminal.tables import DASH, fit_table
from charloop.wording import clock

if TYPE_CHECKING:
    from charloop.comparison import CellScores, RunScore, ScoredRuns
    from charloop.evaluation import Score

SIGNIFICANT = 0.05
"""A difference with a smaller p-value is called significant."""
TRAINING = ["parameters", "chars/s", "steps"]


def print_runs(scored: "ScoredRuns", flags: ScoringFlags) -> None:
    """Print the comparison of runs, for people or with --json for programs."""
    from charloop.comparison import rank_runs, runs_record

    entries = rank_runs(scored.entries)
    if flags.json:
        print(json.dumps(runs_record(scored.text, scored.notes, entries, flags.to_loss)))
    else:
        lines = run_lines(scored.text, scored.notes, entries, flags.to_loss)
        print_lines(map(visible, lines))


def run_lines(
    name: str, notes: Sequence[str], entries: "Sequence[RunScore]", to_loss: float | None
) -> Iterator[str]:
    """Yield the comparison of runs, the best first: losses are nats per character."""
    yield from text_lines(name, entries[0].score.characters, notes)
    yield "loss     nats per character, 95 % confidence interval"
    yield "behind   loss minus the best run's, character by character"
    yield "p        probability of such a difference by chance"
    learned = rank_learned(entries)
    if learned:
        yield "dynamic  loss while the network learns from the text"
    yield ""
    heads = ["loss", "interval", *(["dynamic", "interval"] if learned else []), "behind", "interval", "p"]
    rows = [run_loss(entry) + run_training(entry, to_loss) for entry in entries]
    cuts = [2, *([4] if learned else []), len(heads)]
    yield from table_pieces([entry.name for entry in entries], heads, rows, to_loss, cuts)
    yield run_verdict(entries)
    if learned:
        yield "dynamic  " + run_verdict(learned).removeprefix("best     ")


def rank_learned(entries: "Sequence[RunScore]") -> "list[RunScore]":
    """Return the runs by their loss while they learn from the text, the best first; none if it was not measured."""
    from charloop.comparison import rank_runs

    learned = [entry._replace(score=entry.dynamic) for entry in entries if entry.dynamic]
    return rank_runs(learned) if learned else []


def cell_lines(
    name: str, notes: Sequence[str], groups: "Sequence[CellScores]", to_loss: float | None
) -> Iterator[str]:
    """Yield the comparison of cells, the best first: losses are nats per character, means over seeds."""
    yield ""
    yield from text_lines(name, groups[0].entries[0].score.characters, notes)
    yield f"loss     nats per character, mean of {len(groups[0].seeds)} seeds; sd: standard deviation"
    yield "behind   loss minus the best cell's, seed by seed; 95 % confidence intervals"
    yield "p        probability of such a difference by chance: over seeds, and over text"
    yield ""
    heads = ["loss", "sd", "interval", "behind", "interval", "p seeds", "p text"]
    rows = [cell_loss(group) + cell_training(group, to_loss) for group in groups]
    yield from table_pieces([group.name for group in groups], heads, rows, to_loss, [3, len(heads)])
    yield cell_verdict(groups)


def text_lines(name: str, characters: int, notes: Sequence[str]) -> Iterator[str]:
    """Yield the lines that name the text."""
    yield f"text     {name}, {characters:,} characters predicted"
    yield from (f"note     {note}" for note in notes)


def table_pieces(
    names: Sequence[str],
    heads: list[str],
    rows: Sequence[Sequence[str]],
    to_loss: float | None,
    cuts: Sequence[int],
) -> Iterator[str]:
    """Yield the table in the pieces that fit the terminal, an empty line after each."""
    heads = heads + TRAINING + ([f"time to {to_loss:g}"] if to_loss else [])
    for block in fit_table(names, heads, rows, cuts):
        yield from block
        yield ""


def run_loss(entry: "RunScore") -> list[str]:
    """Return a run's loss, its distance to the best, and how sure both are."""
    behind = entry.behind
    cells = [*loss_cells(entry.score), *(loss_cells(entry.dynamic) if entry.dynamic else [])]
    if behind is None:
        return [*cells, DASH, DASH, DASH]
    return [
        *cells,
        f"{behind.nats:.4f}",
        format_interval((behind.low, behind.high)),
        format_p_value(behind.p_value),
    ]


def loss_cells(score: "Score") -> list[str]:
    """Return a loss and its interval."""
    interval = score.interval
    return [f"{score.loss:.4f}", format_interval((interval.low, interval.high) if interval else None)]


def run_training(entry: "RunScore", to_loss: float | None) -> list[str]:
    """Return a run's size and speed, and how long it took to reach a loss."""
    history = entry.history
    cells = [
        f"{entry.parameters:,}",
        f"{history.pace:,.0f}" if history.pace else DASH,
        f"{history.last_step:,}",
    ]
    if to_loss:
        reached = history.reached(to_loss)
        cells.append(clock(reached[1]) if reached else DASH)
    return cells


def cell_loss(group: "CellScores") -> list[str]:
    """Return a cell's loss over seeds, its distance to the best, and how sure both are."""
    loss, behind = group.loss, group.behind
    deviation = f"{loss.deviation:.4f}" if loss.deviation is not None else DASH
    cells = [f"{loss.mean:.4f}", deviation, format_interval(loss.interval)]
    if behind is None:
        return [*cells, DASH, DASH, DASH, DASH]
    on_text = group.on_text.p_value if group.on_text else None
    return [
        *cells,
        f"{behind.mean:.4f}",
        format_interval(behind.interval),
        format_p_value(behind.p_value),
        format_p_value(on_text),
    ]


def cell_training(group: "CellScores", to_loss: float | None) -> list[str]:
    """Return a cell's size and speed, and how long it took to reach a loss: with how many seeds, if not all."""
    steps = {entry.history.last_step for entry in group.entries}
    cells = [
        f"{group.entries[0].parameters:,}",
        f"{group.pace:,.0f}" if group.pace else DASH,
        f"{min(steps):,}" if len(steps) == 1 else f"{min(steps):,} to {max(steps):,}",
    ]
    if to_loss:
        reached, seeds = group.reached(to_loss), len(group.seeds)
        mean = clock(sum(seconds for _, seconds in reached) / len(reached)) if reached else DASH
        cells.append(mean if len(reached) in (0, seeds) else f"{mean} ({len(reached)} of {seeds})")
    return cells


def format_interval(interval: tuple[float, float] | None) -> str:
    """Return an interval's two ends."""
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else DASH


def format_p_value(p_value: float | None) -> str:
    """Return a p-value with four digits."""
    if p_value is None:
        return DASH
    return f"{p_value:.4f}" if p_value >= 0.0001 else "<0.0001"


def run_verdict(entries: "Sequence[RunScore]") -> str:
    """Return which run is the best, and from which others the text cannot tell it."""
    best, *others = entries
    if not math.isfinite(best.score.loss):
        return "best     none: no loss is finite"
    if all(entry.behind is None for entry in others):
        return f"best     {best.name}; the text is too short for a significance test"
    near = [e.name for e in others if e.behind and e.behind.p_value >= SIGNIFICANT]
    return verdict(best.name, near, "", len(others), "runs")


def cell_verdict(groups: "Sequence[CellScores]") -> str:
    """Return which cell is the best, and from which others these seeds cannot tell it."""
    best, *others = groups
    if not math.isfinite(best.loss.mean):
        return "best     none: no cell has a finite loss with every seed"
    if not others:
        return f"best     {best.name}, the only one"
    near = [
        g.name
        for g in others
        if g.behind and g.behind.p_value is not None and g.behind.p_value >= SIGNIFICANT
    ]
    return verdict(best.name, near, f" with {len(best.seeds)} seeds", len(others), "cells")


def verdict(best: str, near: Sequence[str], how: str, others: int, things: str) -> str:
    """Return the best, those that are not significantly worse, and the level for several tests (Bonferroni)."""
    unsure = f"; not significantly better than {', '.join(near)} at 5 %{how}" if near else ""
    several = f" (each p is for one pair: with {others + 1} {things}, require p < {SIGNIFICANT / others:.2g})"
    return f"best     {best}{unsure}{several if others > 1 else ''}"
