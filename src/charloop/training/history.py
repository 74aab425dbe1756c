"""What a run wrote down of its losses, read back with suspicion: what curves are made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from jaxtyping import Float, Int
from msgspec import Meta

from charloop.checkpoint import RunFolder
from charloop.checkpoint.lines import read_lines
from charloop.errors import CharloopError

Number: TypeAlias = Annotated[int, Meta(ge=0, le=2**62)]
Loss: TypeAlias = Annotated[float, Meta(ge=0, le=1e6)]


class StepLine(msgspec.Struct, tag_field="kind", tag="step"):
    """The loss of one update; none where it was not finite."""

    step: Number
    loss: Loss | None
    skipped: str = ""


class EvaluationLine(msgspec.Struct, tag_field="kind", tag="evaluation"):
    """The loss of the validation text after an update; none where it was not finite."""

    step: Number
    loss: Loss | None
    elapsed: Annotated[float, Meta(ge=0, le=1e10)]


@dataclass(frozen=True)
class History:
    """A run's losses in nats per character, by the number of updates made.

    What was not finite is left out, and so are updates that were undone.
    """

    steps: Int[np.ndarray, " updates"]
    losses: Float[np.ndarray, " updates"]
    """On the training text, with dropout, before the update."""
    evaluated: Int[np.ndarray, " evaluations"]
    """After how many updates the validation text was scored."""
    validation: Float[np.ndarray, " evaluations"]
    """Its loss."""
    elapsed: Float[np.ndarray, " evaluations"]
    """Seconds of training by then, with all that belongs to it: compiling, evaluations, samples, saves."""
    chunk: int
    """Characters of the training text that an update sees."""

    @classmethod
    def of(cls, folder: RunFolder) -> "History":
        """What `metrics.jsonl` of a run says; damaged lines are passed over.

        Raises CharloopError if it cannot be read or says nothing.
        """
        steps, evaluations = read_metrics(folder.metrics)
        if not steps and not evaluations:
            raise CharloopError(
                f"{folder.metrics} says nothing of any step", do="train the run before it is looked at"
            )
        data = folder.config.data
        return cls(
            np.array([*steps], int),
            np.array([*steps.values()], float),
            np.array([*evaluations], int),
            np.array([loss for loss, _ in evaluations.values()], float),
            np.array([elapsed for _, elapsed in evaluations.values()], float),
            data.batch_size * data.seq_length,
        )

    @property
    def last_step(self) -> int:
        """Updates made."""
        return int(max([*self.steps[-1:], *self.evaluated[-1:]]))

    @property
    def pace(self) -> float | None:
        """Characters of training text a second, up to the last evaluation; None before there is one."""
        if not len(self.elapsed) or not self.elapsed[-1]:
            return None
        return int(self.evaluated[-1]) * self.chunk / float(self.elapsed[-1])

    def reached(self, loss: float) -> tuple[int, float] | None:
        """Updates and seconds until an evaluation came to `loss` or lower; None if none did."""
        (places,) = np.nonzero(self.validation <= loss)
        return (int(self.evaluated[places[0]]), float(self.elapsed[places[0]])) if len(places) else None

    def minutes(self, steps: Int[np.ndarray, " some"]) -> Float[np.ndarray, " some"]:
        """Minutes of training after `steps` updates: known at evaluations, even between them, nan after the last."""
        known = np.concatenate([[0], self.evaluated]), np.concatenate([[0.0], self.elapsed])
        seconds: Float[np.ndarray, " some"] = np.interp(steps, *known, right=np.nan)
        return seconds / 60


def read_metrics(path: Path) -> tuple[dict[int, float], dict[int, tuple[float, float]]]:
    """Loss by step, and validation loss and seconds by step, both in the order of steps."""
    steps: dict[int, float] = {}
    evaluations: dict[int, tuple[float, float]] = {}
    decoder = msgspec.json.Decoder(StepLine | EvaluationLine)
    try:
        for line in read_lines(path):
            try:
                record = decoder.decode(line)
            except (ValueError, RecursionError):
                continue
            if record.loss is None:
                continue
            if isinstance(record, StepLine):
                if not record.skipped:
                    steps[record.step] = record.loss
            else:
                evaluations[record.step] = record.loss, record.elapsed
    except OSError as error:
        raise CharloopError(f"cannot read {path} ({error.strerror})") from None
    return dict(sorted(steps.items())), dict(sorted(evaluations.items()))
