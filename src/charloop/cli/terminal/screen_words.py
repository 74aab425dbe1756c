"""The words of the training screen: before the first step, at each evaluation, after the last step."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from charloop.baselines.wording import beaten_cell, rank_sentence
from charloop.cli.terminal.tables import left, right, table_lines
from charloop.description import text_line
from charloop.training.events import INTERRUPTED, USED_UP, Finished, Started
from charloop.wording import clock, describe_model, number_of

if TYPE_CHECKING:
    from charloop.baselines import Baselines

NARROW = 80
"""Columns of a terminal below which a row leaves out `ONLY_WIDE`."""
WIDE = 90
"""Columns of a terminal in which all columns of the table and the mark of an average fit."""
COLUMNS = {
    "step": right("step", 9),
    "epoch": right("epoch", 6),
    "train": right("train", 6),
    "validation": right("val", 6),
    "bits": right("bits/char", 9),
    "speed": right("chars/s", 9),
    "clock": right("time", 8),
    "beats": left("beats by bits", 13),
    "mark": left(""),
}
ONLY_WIDE = {"epoch", "speed", "beats"}


def part_validated(event: Started) -> int:
    """Return the size of the validation text if an evaluation reads only a part of it, else 0."""
    limit, validation = event.config.training.validation_limit, event.split[1]
    return validation if 0 < limit < validation - 1 else 0


def opening_lines(event: Started) -> Iterator[tuple[str, str]]:
    """Yield labelled lines: what will be trained, on what."""
    data, (train, validation, test) = event.config.data, event.split
    unit = "bytes" if data.unit == "byte" else "characters"
    yield from zip(("preset", ""), event.reasons, strict=False)
    network = f"{describe_model(event.config.model)}, {event.parameters:,} parameters"
    yield "model", f"{network}, {number_of(event.devices, 'device')}"
    if event.config.training.freeze:
        yield "frozen", event.config.training.freeze.replace(",", ", ")
    # The end symbol between two parts of a text of documents belongs to both.
    shared = sum(map(bool, event.split)) - 1 if data.documents or data.fields else 0
    characters = sum(event.split) - shared
    yield "text", text_line(event.description, event.documents, characters, unit, event.vocab_size)
    yield "", f"sha256 {event.content_hash[:16]}"
    limit = event.config.training.validation_limit
    some = f" ({limit:,} of them at each evaluation, spread evenly)" if part_validated(event) else ""
    parts = f"{train:,} to train on, {validation:,} to validate{some}"
    yield "split", parts + (f", {test:,} to test" if test else "")
    chunk = f"{number_of(data.batch_size, 'batch row')} x {data.seq_length:,} {unit}"
    yield "step", f"{chunk}, {number_of(event.chunks_per_epoch, 'step')} an epoch"
    yield "run", str(event.folder)


def columns_for(width: int, *, averages: bool) -> list[str]:
    """Return the names of the columns that fit a terminal of `width` columns; marks of `averages` are long."""
    hidden = ONLY_WIDE if width < NARROW else {"speed"} if averages and width < WIDE else set()
    return [name for name in COLUMNS if name not in hidden]


def table_head(shown: Sequence[str]) -> str:
    """Return the head of the table with these columns."""
    return table_lines([COLUMNS[name] for name in shown], [], gap=1)[0]


def table_row(
    shown: Sequence[str],
    figures: dict[str, str],
    elapsed: float,
    validation: float | None,
    baselines: "Baselines | None",
) -> str:
    """Return a line of the table with the columns `shown`.

    `figures` has step, epoch, train, speed and mark; `validation` is in nats.
    """
    cells = figures | {"clock": clock(elapsed)}
    if validation is not None:
        cells |= {"validation": f"{validation:.3f}", "bits": f"{validation / math.log(2):.3f}"}
        cells |= {"beats": beaten_cell(baselines.rank(validation))} if baselines else {}
    columns, line = [COLUMNS[name] for name in shown], [cells.get(name, "") for name in shown]
    return table_lines(columns, [line], gap=1, heads=False)[0]


def ending_lines(
    event: Finished, resumed_at: int, part_of: int, baselines: "Baselines | None"
) -> Iterator[tuple[str, str]]:
    """Yield labelled lines: why the run ended, and how good it is."""
    after = f"after {number_of(event.step, 'step')}, {clock(event.elapsed)}"
    if event.reason == INTERRUPTED:
        yield "stopped", f"{after}; everything is saved"
    elif event.step == resumed_at:
        more = (
            "a longer one, such as --minutes 10" if event.reason == USED_UP else "a larger --patience, or 0"
        )
        yield "done", f"{event.reason}, {after}: give {more}"
    else:
        yield "done", f"{event.reason} {after}"
    if event.best:
        bits, loss = event.best.bits_per_character, event.best.loss
        figures = f"validation {loss:.3f} nats = {bits:.3f} bits per character"
        read = f", on {event.best.characters:,} of {part_of:,} characters" if part_of else ""
        kind = ", averaged weights" if event.best_is_averaged else ""
        yield "best", f"{figures}, at step {event.best_step:,}{kind}{read}"
        if baselines:
            yield "rank", rank_sentence(baselines.rank(loss))
    if event.skipped:
        yield (
            "skipped",
            f"{number_of(event.skipped, 'update')} discarded; skipped.jsonl in the run has their text",
        )
