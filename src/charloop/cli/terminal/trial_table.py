"""What a sweep over a space says at its end: a table of trials, the best first, and how much each setting matters."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from charloop.cli.terminal.tables import DASH, fit_table
from charloop.comparison.search.importance import FEW_TRIALS
from charloop.wording import clock

if TYPE_CHECKING:
    from charloop.comparison.search import Row

Importance = Mapping[str, float | None]


def trial_lines(rows: "Sequence[Row]", names: Sequence[str], importance: Importance) -> Iterator[str]:
    """Yield the table of all trials; `names` are the settings that vary."""
    yield ""
    yield "loss     lowest validation loss, nats per character"
    yield "of it    part of the budget; importance below: share of the differences that the setting explains"
    yield ""
    heads = ["loss", *names, "of it", "steps", "time", "chars/s"]
    cells = [figures(row, names) for row in rows]
    for block in fit_table([row.trial.path.name for row in rows], heads, cells, [1 + len(names)]):
        yield from block
        yield ""
    known = {name: share for name, share in importance.items() if share is not None}
    if known:
        ordered = sorted(known, key=lambda name: -known[name])
        yield f"matters  {', '.join(f'{name} {known[name]:.0%}' for name in ordered)}"
    yield from (f"note     {note}" for note in find_notes(rows))
    yield (
        f"best     {rows[0].trial.path}" if rows[0].loss is not None else "best     none: no trial has a loss"
    )


def figures(row: "Row", names: Sequence[str]) -> list[str]:
    """Return the cells of a row."""
    return [
        DASH if row.loss is None else f"{row.loss:.4f}",
        *(show_value(row.trial.point[name]) for name in names),
        "failed" if row.state.failure else f"{row.state.share:.0%}",
        f"{row.state.found.step:,}",
        clock(row.state.seconds),
        f"{row.pace:,.0f}" if row.pace else DASH,
    ]


def show_value(value: Any) -> str:
    """Return a setting's value as the command line takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else f"{value}"


def find_notes(rows: "Sequence[Row]") -> Iterator[str]:
    """Yield why trials failed, and what to think of few of them."""
    for row in rows:
        if row.state.failure:
            yield f"{row.trial.path.name} failed: {row.state.failure}"
    if len(rows) < FEW_TRIALS:
        yield f"importance means little with fewer than {FEW_TRIALS} trials"


def trials_record(text: str, method: str, rows: "Sequence[Row]", importance: Importance) -> dict[str, Any]:
    """Return the same as plain values, for JSON."""
    best = rows[0]
    return {
        "text": text,
        "method": method,
        "best": None if best.loss is None else str(best.trial.path),
        "trials": [trial_record(row) for row in rows],
        "importance": dict(importance),
        "notes": list(find_notes(rows)),
    }


def trial_record(row: "Row") -> dict[str, Any]:
    """Return a trial as plain values."""
    return {
        "run": str(row.trial.path),
        "settings": row.trial.point,
        "nats_per_character": row.loss,
        "nats_per_character_at_first": row.first_loss,
        "share_of_budget": row.state.share,
        "steps": row.state.found.step,
        "seconds": row.state.seconds,
        "training_characters_per_second": row.pace,
        "failure": row.state.failure or None,
    }
