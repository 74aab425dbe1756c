"""The table of a comparison of runs."""

import math
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from charloop.wording import clock

if TYPE_CHECKING:
    from charloop.comparison import RunScore

CHANCE = 0.05
"""What is less likely than this is not called chance."""
DASH = "-"


def lines(
    name: str, notes: Sequence[str], entries: "Sequence[RunScore]", to_loss: float | None
) -> Iterator[str]:
    """The comparison for people: losses in nats per character."""
    yield f"text     {name}, {entries[0].score.characters:,} characters predicted by each"
    yield from (f"note     {note}" for note in notes)
    yield "loss     nats per character; behind: loss less the best one's, paired"
    yield "         intervals of 95 %; p: chance of such a difference if there were none"
    yield ""
    names = [entry.name for entry in entries]
    loss = [loss_cells(entry) for entry in entries]
    training = [training_cells(entry, to_loss) for entry in entries]
    heads = ["loss", "interval", "behind", "interval", "p"]
    more = ["parameters", "chars/s", "steps", *([f"time to {to_loss:g}"] if to_loss else [])]
    whole = table(names, heads + more, [a + b for a, b in zip(loss, training, strict=True)])
    if len(whole[0]) <= shutil.get_terminal_size().columns:
        yield from whole
    else:
        yield from table(names, heads, loss)
        yield ""
        yield from table(names, more, training)
    yield ""
    yield verdict(entries)


def loss_cells(entry: "RunScore") -> list[str]:
    """Loss, distance to the best, and how sure both are."""
    interval, behind = entry.score.interval, entry.behind
    cells = [f"{entry.score.loss:.4f}", f"{interval.low:.4f} to {interval.high:.4f}" if interval else DASH]
    if behind is None:
        return [*cells, DASH, DASH, DASH]
    chance = f"{behind.p_value:.4f}" if behind.p_value >= 0.0001 else "<0.0001"
    return [*cells, f"{behind.nats:.4f}", f"{behind.low:.4f} to {behind.high:.4f}", chance]


def training_cells(entry: "RunScore", to_loss: float | None) -> list[str]:
    """Size and speed, and how long it took to come to a loss."""
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


def table(names: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Names at the left, everything else flush right under its head."""
    columns = [
        ["", *names],
        *([head, *cells] for head, cells in zip(heads, zip(*rows, strict=True), strict=True)),
    ]
    widths = [max(map(len, column)) for column in columns]
    return [
        "  ".join([f"{name:{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(cells, widths[1:], strict=True))])
        for name, *cells in zip(*columns, strict=True)
    ]


def verdict(entries: "Sequence[RunScore]") -> str:
    """Which is the best, and from which it cannot be told."""
    best, *others = entries
    if not math.isfinite(best.score.loss):
        return "best     none: no loss is a number"
    near = [e.name for e in others if e.behind and e.behind.p_value >= CHANCE]
    unknown = all(e.behind is None for e in others)
    if unknown:
        return f"best     {best.name}; the text is too short to say whether that is chance"
    told = f"; not told from {', '.join(near)} at 5 %" if near else ""
    several = (
        f" (p of each pair alone: among {len(entries)} runs ask for less than {CHANCE / len(others):.2g})"
    )
    return f"best     {best.name}{told}{several if len(others) > 1 else ''}"
