"""The lines of a run's metrics.jsonl and skipped.jsonl: what they hold, how they are written, and how they are read.

Each line is a JSON object with a "kind": "step" or "evaluation". JSON has no word for a number that is not finite:
it is written as null and read as NaN.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Float, Int
from msgspec import Meta, structs

from charloop.checkpoint import RunFolder
from charloop.checkpoint.lines import read_lines
from charloop.conversion import convert
from charloop.errors import CharloopError
from charloop.training.averaging import Evaluation

Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**62)]
MAX_PLOTTED_LOSS = 1e6
"""Nats per character; a curve leaves out larger losses."""


class StepRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="step"):
    """One update of the weights."""

    step: Count
    """Counted from 1."""
    epoch: float = math.nan
    loss: float = math.nan
    """Nats per character on the training text, with dropout, before the update."""
    gradient_norm: float = math.nan
    """Before clipping."""
    learning_rate: float = math.nan
    skipped: str = ""
    """Why the update guard discarded the update; empty if it did not."""
    in_a_row: Count = 0
    """Number of consecutive updates discarded by now."""
    planned_rate: float | None = None
    """The learning rate of the schedule, where discarded updates have lowered it."""


class SkippedRecord(StepRecord, frozen=True, tag_field="kind", tag="step"):
    """A discarded update, in skipped.jsonl: with the text it was computed from."""

    offsets: list[int] = []
    """Where each batch row's chunk begins, in characters (of a text of bytes: bytes) from the start of the text."""
    texts: list[str] | None = None
    """Each batch row's chunk; None where the file is large already."""


class EvaluationRecord(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evaluation"):
    """One evaluation on the validation text."""

    step: Count
    """Number of updates made before it."""
    loss: float = math.nan
    """Nats per character, of the weights, or of the average if that is better."""
    characters: Count = 0
    """Number of characters that were predicted."""
    weights_loss: float | None = None
    """Loss of the weights, where that of the average is known too."""
    average_loss: float | None = None
    """Loss of the average of the weights."""
    average_begins: bool = False
    """Whether weights are averaged from here on."""
    elapsed: Annotated[float, Meta(ge=0, le=1e10)]
    """Seconds of training by then, with compiling, evaluations, samples and checkpoints."""


Record: TypeAlias = StepRecord | EvaluationRecord
OMITTED = {
    "skipped": "",
    "in_a_row": 0,
    "planned_rate": None,
    "texts": None,
    "weights_loss": None,
    "average_loss": None,
    "average_begins": False,
}
"""Values that a line leaves out."""


def encode_record(record: Record) -> bytes:
    """Return `record` as a line."""
    values = {"kind": record.__struct_config__.tag}
    for name, value in structs.asdict(record).items():
        if name not in OMITTED or value != OMITTED[name]:
            is_finite = not isinstance(value, float) or math.isfinite(value)
            values[name] = value if is_finite else None
    return (json.dumps(values) + "\n").encode()


def record_evaluation(step: int, found: Evaluation, elapsed: float, *, begins: bool) -> EvaluationRecord:
    """Return the record of an evaluation after `step` updates, at which weights may begin to be averaged."""
    return EvaluationRecord(
        step=step,
        loss=found.better.loss,
        characters=found.better.characters,
        weights_loss=found.weights.loss if found.average else None,
        average_loss=found.average.loss if found.average else None,
        average_begins=begins,
        elapsed=elapsed,
    )


def decode_record(line: bytes) -> Record | None:
    """Return the record that a line holds; None if the line is incomplete or damaged."""
    if not line.endswith(b"\n"):
        return None
    try:
        values = json.loads(line)
        record: Record = convert({k: v for k, v in values.items() if v is not None}, Record)
    except (ValueError, RecursionError, AttributeError):
        return None
    return record


def read_records(path: Path) -> Iterator[Record]:
    """Read the records of a file in turn, leaving out damaged lines. CharloopError if the file cannot be read."""
    try:
        yield from filter(None, map(decode_record, read_lines(path)))
    except OSError as error:
        raise CharloopError(f"cannot read {path} ({error.strerror})") from None


@dataclass(frozen=True)
class History:
    """A run's losses in nats per character, by the number of updates.

    Losses that are not finite and skipped updates are left out.
    """

    steps: Int[np.ndarray, " updates"]
    losses: Float[np.ndarray, " updates"]
    """On the training text, with dropout, before the update."""
    evaluated: Int[np.ndarray, " evaluations"]
    """Number of updates before each evaluation."""
    validation: Float[np.ndarray, " evaluations"]
    """Loss of each evaluation."""
    elapsed: Float[np.ndarray, " evaluations"]
    """Seconds of training by then, with compiling, evaluations, samples and checkpoints."""
    chunk: int
    """Characters of training text in an update."""

    @classmethod
    def of(cls, folder: RunFolder) -> "History":
        """Read the history of a run from its metrics.jsonl, leaving out damaged lines.

        Of a step that is there more than once, the last record counts. Raises CharloopError if the file cannot be
        read or has no step.
        """
        steps: dict[int, float] = {}
        evaluations: dict[int, EvaluationRecord] = {}
        for record in read_records(folder.metrics):
            if not 0 <= record.loss <= MAX_PLOTTED_LOSS:
                continue
            if isinstance(record, EvaluationRecord):
                evaluations[record.step] = record
            elif not record.skipped:
                steps[record.step] = record.loss
        if not steps and not evaluations:
            raise CharloopError(f"{folder.metrics} has no step", do="train the run first")
        data, evaluated = folder.config.data, [evaluations[step] for step in sorted(evaluations)]
        return cls(
            np.array(sorted(steps), int),
            np.array([steps[step] for step in sorted(steps)], float),
            np.array([record.step for record in evaluated], int),
            np.array([record.loss for record in evaluated], float),
            np.array([record.elapsed for record in evaluated], float),
            data.batch_size * data.seq_length,
        )

    @property
    def last_step(self) -> int:
        """Number of updates."""
        return int(max([*self.steps[-1:], *self.evaluated[-1:]]))

    @property
    def pace(self) -> float | None:
        """Characters of training text per second, up to the last evaluation; None before the first."""
        if not len(self.elapsed) or not self.elapsed[-1]:
            return None
        return int(self.evaluated[-1]) * self.chunk / float(self.elapsed[-1])

    def reached(self, loss: float) -> tuple[int, float] | None:
        """Return updates and seconds until the first evaluation of at most `loss`; None if there is none."""
        (found,) = np.nonzero(self.validation <= loss)
        return (int(self.evaluated[found[0]]), float(self.elapsed[found[0]])) if len(found) else None

    def minutes(self, steps: Int[np.ndarray, " some"]) -> Float[np.ndarray, " some"]:
        """Return minutes of training after `steps` updates: interpolated between evaluations, NaN after the last."""
        known = np.concatenate([[0], self.evaluated]), np.concatenate([[0.0], self.elapsed])
        seconds: Float[np.ndarray, " some"] = np.interp(steps, *known, right=np.nan)
        return seconds / 60
