"""The table of a comparison of cells, each over several seeds."""

import math
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from charloop.cli.commands.compare.run_table import CHANCE, DASH, table
from charloop.wording import clock

if TYPE_CHECKING:
    from charloop.comparison import CellScores


def lines(
    name: str, notes: Sequence[str], groups: "Sequence[CellScores]", to_loss: float | None
) -> Iterator[str]:
    """The comparison for people: losses in nats per character."""
    seeds = len(groups[0].seeds)
    yield f"\ntext     {name}, {groups[0].entries[0].score.characters:,} characters predicted by each"
    yield from (f"note     {note}" for note in notes)
    yield f"loss     nats per character, the mean over {seeds} seeds; sd: its deviation over them"
    yield "behind   loss less the best cell's, seed by seed; intervals of 95 % over seeds"
    yield "p        chance of such a difference if there were none: other seeds; other text"
    yield ""
    names = [group.name for group in groups]
    loss, training = [loss_cells(group) for group in groups], [training_cells(g, to_loss) for g in groups]
    heads = ["loss", "sd", "interval", "behind", "interval", "p seeds", "p text"]
    more = ["parameters", "chars/s", "steps", *([f"time to {to_loss:g}"] if to_loss else [])]
    rows = [a + b for a, b in zip(loss, training, strict=True)]
    for block in fitting(names, heads + more, rows, (3, len(heads))):
        yield from block
        yield ""
    yield verdict(groups)


def fitting(
    names: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]], cuts: tuple[int, int]
) -> list[list[str]]:
    """The table in one piece, in two, or in three, as the terminal has room; it is cut before those columns."""
    columns = shutil.get_terminal_size().columns
    first, second = cuts
    for edges in ([0, len(heads)], [0, second, len(heads)], [0, first, second, len(heads)]):
        blocks = [table(names, heads[a:b], [row[a:b] for row in rows]) for a, b in pairwise(edges)]
        if max(len(block[0]) for block in blocks) <= columns:
            break
    return blocks


def loss_cells(group: "CellScores") -> list[str]:
    """Loss over seeds, distance to the best, and how sure both are."""
    loss, behind = group.loss, group.behind
    deviation = f"{loss.deviation:.4f}" if loss.deviation is not None else DASH
    cells = [f"{loss.mean:.4f}", deviation, span(loss.interval)]
    if behind is None:
        return [*cells, DASH, DASH, DASH, DASH]
    on_text = group.on_text.p_value if group.on_text else None
    return [*cells, f"{behind.mean:.4f}", span(behind.interval), chance(behind.p_value), chance(on_text)]


def span(interval: tuple[float, float] | None) -> str:
    """From where to where."""
    return f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else DASH


def chance(p_value: float | None) -> str:
    """A probability in four digits."""
    if p_value is None:
        return DASH
    return f"{p_value:.4f}" if p_value >= 0.0001 else "<0.0001"


def training_cells(group: "CellScores", to_loss: float | None) -> list[str]:
    """Size and speed, and how long it took to come to a loss: with which of the seeds, if not with all."""
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


def verdict(groups: "Sequence[CellScores]") -> str:
    """Which is the best, and from which it cannot be told by these seeds."""
    best, *others = groups
    if not math.isfinite(best.loss.mean):
        return "best     none: no cell's losses are all numbers"
    if not others:
        return f"best     {best.name}, the only one"
    near = [
        g.name for g in others if g.behind and g.behind.p_value is not None and g.behind.p_value >= CHANCE
    ]
    told = f"; not told from {', '.join(near)} at 5 % by {len(best.seeds)} seeds" if near else ""
    limit = f" (p of each pair alone: among {len(groups)} cells ask for less than {CHANCE / len(others):.2g})"
    return f"best     {best.name}{told}{limit if len(others) > 1 else ''}"
