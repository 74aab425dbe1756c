"""What `charloop compare --cells` says: the cells, each over several seeds; a table, or an object for programs."""

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from charloop.cli.commands.compare.groups import Group, grouped, ranked
from charloop.cli.commands.compare.report import CHANCE, DASH, table, values
from charloop.cli.terminal.output import visible
from charloop.wording import clock

if TYPE_CHECKING:
    from charloop.cli.commands.compare.report import Entry
    from charloop.cli.flags.comparison import ReportFlags
    from charloop.training.grid import Grid


def print_groups(
    grid: "Grid", name: str, notes: Sequence[str], entries: "Sequence[Entry]", flags: "ReportFlags"
) -> None:
    """Print the comparison of the grid's runs, whose losses are `entries`."""
    groups = ranked(grouped(grid, entries))
    if flags.json:
        print(json.dumps(facts(name, notes, groups, flags.to_loss)))
    else:
        print(visible("\n".join(lines(name, notes, groups, flags.to_loss))))


def facts(name: str, notes: Sequence[str], groups: Sequence[Group], to_loss: float | None) -> dict[str, Any]:
    """The comparison for programs; losses are nats per character, what is no number is null."""
    return {
        "text": name,
        "characters": groups[0].entries[0].score.characters,
        "to_loss": to_loss,
        "seeds": list(groups[0].seeds),
        "best": groups[0].name,
        "cells": [group_values(group, to_loss) for group in groups],
        "notes": list(notes),
    }


def group_values(group: Group, to_loss: float | None) -> dict[str, Any]:
    """A cell for programs, with its runs."""
    loss, behind, on_text = group.loss, group.behind, group.on_text
    reached = group.reached(to_loss) if to_loss else []
    finite = behind and math.isfinite(behind.mean)
    return {
        "cell": group.name,
        "nats_per_character": number(loss.mean),
        "bits_per_character": number(loss.mean / math.log(2)),
        "standard_deviation": loss.deviation,
        "interval": loss.interval and [*loss.interval],
        "difference_to_best": behind
        and {
            "nats_per_character": number(behind.mean),
            "over_seeds": {"interval": behind.interval and [*behind.interval], "p_value": behind.p_value}
            if finite
            else None,
            "over_text": on_text
            and {
                "interval": [on_text.low, on_text.high],
                "p_value": on_text.p_value,
                "blocks": on_text.blocks,
            },
        },
        "parameters": group.entries[0].parameters,
        "training_characters_per_second": group.pace,
        "seeds_that_came_to_loss": len(reached) if to_loss else None,
        "steps_to_loss": sum(steps for steps, _ in reached) / len(reached) if reached else None,
        "seconds_to_loss": sum(seconds for _, seconds in reached) / len(reached) if reached else None,
        "runs": [
            {"seed": seed}
            | {key: v for key, v in values(entry, to_loss).items() if key != "difference_to_best"}
            for seed, entry in zip(group.seeds, group.entries, strict=True)
        ],
    }


def number(value: float) -> float | None:
    """A number, or None where JSON has none for it."""
    return value if math.isfinite(value) else None


def lines(name: str, notes: Sequence[str], groups: Sequence[Group], to_loss: float | None) -> Iterator[str]:
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


def loss_cells(group: Group) -> list[str]:
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


def training_cells(group: Group, to_loss: float | None) -> list[str]:
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


def verdict(groups: Sequence[Group]) -> str:
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
