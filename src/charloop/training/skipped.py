"""What is written down, and said, of updates that were undone: the host's side of `healing`."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float

from charloop.checkpoint import append_line
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.training.events import Step
from charloop.training.healing import FINE, HOPELESS, NOT_FINITE, SPIKE
from charloop.training.session import Session

TEXTS = 2**26
"""Bytes of the file from which on a chunk's place is written down, and no longer its text."""


def read_rows(planned: Sequence[tuple[int, float, float]], rows: Float[np.ndarray, "calls 5"]) -> list[Step]:
    """What became of the updates `planned` (number from 0, epoch, learning rate), by the metrics of their call."""
    return [
        Step(
            step=number + 1,
            epoch=epoch,
            loss=loss,
            gradient_norm=norm,
            learning_rate=rate * share,
            skipped=reason(int(verdict), loss, norm),
            in_a_row=int(in_a_row),
            planned_rate=None if share == 1 else rate,
        )
        for (number, epoch, rate), (loss, norm, share, verdict, in_a_row) in zip(
            planned, rows[: len(planned)].tolist(), strict=True
        )
    ]


def reason(verdict: int, loss: float, norm: float) -> str:
    """A verdict in words; nothing if all was fine."""
    sound = math.isfinite(loss) and math.isfinite(norm)
    return {
        FINE: "",
        NOT_FINITE: "memory that is not finite" if sound else f"loss {loss:g}, gradient's norm {norm:g}",
        HOPELESS: f"loss {loss:g}, far worse than guessing",
        SPIKE: f"gradient's norm {norm:g}, far above the usual",
    }[verdict]


def record_of(step: Step) -> dict[str, Any]:
    """A step as a line of the metrics; JSON has no word for what is not a number."""
    record = {"kind": "step", **asdict(step)}
    if not step.skipped:
        del record["skipped"], record["in_a_row"]
    if step.planned_rate is None:
        del record["planned_rate"]
    return {name: None if not_a_number(value) else value for name, value in record.items()}


def not_a_number(value: Any) -> bool:
    """Whether it is a float that is not finite."""
    return isinstance(value, float) and not math.isfinite(value)


def write_skipped(session: Session, steps: Sequence[Step]) -> None:
    """Add the undone ones of `steps` to the run's skipped.jsonl, each with its place in the text, and the text."""
    path = session.folder.skipped
    for step in steps:
        if step.skipped:
            brief = path.exists() and path.stat().st_size > TEXTS
            record = record_of(step) | place_of(session, step.step - 1, brief=brief)
            append_line(path, (json.dumps(record) + "\n").encode())


def place_of(session: Session, number: int, *, brief: bool) -> dict[str, Any]:
    """Where in the text the update `number` (from 0) read: for each lane its offset, and unless `brief` its text.

    Offsets are characters (of a text of bytes: bytes) from the start of the whole text.
    """
    lanes = session.lanes
    index = number % lanes.chunks_per_epoch
    start = session.split.train.start + index * lanes.seq_length
    offsets = [start + lane * lanes.row_length for lane in range(lanes.batch_size)]
    if brief:
        return {"offsets": offsets}
    decode = session.folder.vocabulary.decode
    return {"offsets": offsets, "texts": [decode(lane) for lane in lanes.chunk(index).T]}


def check(config: RunConfig, steps: Sequence[Step], way_back: str) -> None:
    """Raises CharloopError at an update that ends the run: the last of `max_skipped` undone in a row.

    With `max_skipped` 0 at one that is not finite, which has then reached the weights.
    `way_back` says from where to start.
    """
    most = config.training.max_skipped
    for step in steps:
        if most and step.in_a_row >= most:
            raise diverged(
                f"{step.in_a_row} updates in a row were undone, the last with {step.skipped},",
                step.step,
                way_back,
                do=f"{advice(config, step)}; skipped.jsonl in the run has their text",
            )
        if not most and not math.isfinite(step.loss + step.gradient_norm):
            do = look_at_cell(config) if step.step == 1 else ""
            raise diverged(reason(NOT_FINITE, step.loss, step.gradient_norm), step.step, way_back, do=do)


def look_at_cell(config: RunConfig) -> str:
    """What to change where not one update was sound: no weight has moved, so it is not the learning rate."""
    return (
        f"not one update was sound, so it is not the learning rate: look for what is not a number in the cell "
        f"{config.model.cell}, or in weights that were given"
    )


def advice(config: RunConfig, step: Step) -> str:
    """What to change."""
    if step.in_a_row == step.step:
        return look_at_cell(config)
    lower = f"lower --learning-rate (to {config.training.learning_rate / 10:g}) or --clip-norm"
    return f"{lower}, or raise --spike-threshold" if "usual" in step.skipped else lower


def diverged(what: str, step: int, way_back: str, *, do: str = "") -> CharloopError:
    """The error for a run whose numbers are no longer of use."""
    do = do or "lower --learning-rate or --clip-norm"
    return CharloopError(f"training has diverged: {what} at step {step}", do=f"{do}; {way_back}")
