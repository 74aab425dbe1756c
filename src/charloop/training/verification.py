"""Verification: repeat updates of a run from a checkpoint, and compare them bit by bit with what the run recorded."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from charloop.checkpoint import Checkpoint, RunFolder, pack_tree
from charloop.checkpoint.texts import read_own_corpus
from charloop.errors import CharloopError
from charloop.files.small import read_small
from charloop.training.checkpoints import unpack_checkpoint
from charloop.training.metrics import EvaluationRecord, StepRecord, read_records
from charloop.training.provenance import compare_provenance, current_provenance
from charloop.training.samples import format_samples, sample_texts, samples_path
from charloop.training.session import TrainingSession
from charloop.training.state import TrainingState
from charloop.training.step import UpdateMetrics


@dataclass(frozen=True)
class Check:
    """The result of one comparison."""

    what: str
    difference: str | None = None
    """What differs; None if nothing does."""


@dataclass(frozen=True)
class Repetition:
    """The updates to repeat: those after `start` and up to `stop`."""

    session: TrainingSession
    base: Checkpoint
    """The checkpoint at `start`."""
    start: int
    stop: int
    goal: Checkpoint | None
    """The checkpoint at `stop`, if there is one: the whole state is compared with it."""
    steps: dict[int, StepRecord]
    """The record of each step."""
    evaluations: dict[int, EvaluationRecord]
    notes: Sequence[str]
    """What to know beforehand: damaged checkpoints, another machine."""

    @classmethod
    def of(cls, path: str | Path, *, cell: str | None = None, steps: int = 0) -> "Repetition":
        """Plan to repeat from the last checkpoint but one to the last, or from the only one as far as the metrics go.

        `steps` limits the number of updates; 0 is no limit. Raises CharloopError if there is nothing to compare with.
        """
        folder = RunFolder.open(Path(path), cell=cell)
        session = TrainingSession.open(folder, read_own_corpus(folder))
        found, notes = read_newest_two(session.folder)
        base, goal = found[-1], found[0] if len(found) > 1 else None
        start = int(unpack_checkpoint(session, base)[0].step)
        made, evaluations = read_records_after(folder.metrics, start)
        end = int(unpack_checkpoint(session, goal)[0].step) if goal else max(made, default=start)
        if end <= start:
            raise CharloopError(
                f"{path} has one checkpoint, and nothing after it to compare with",
                do="continue the run with --keep-checkpoints 2",
            )
        stop = min(end, start + steps) if steps else end
        notes += note_other_machine(session, start)
        notes += (
            [f"the last checkpoint is of step {end:,}: with --steps 0 it is reached and compared"]
            if stop < end
            else []
        )
        reached = goal if stop == end else None
        return cls(session, base, start, stop, reached, made, evaluations, notes)

    def run(self) -> list[Check]:
        """Make the updates and compare the results."""
        state, losses = self._repeat_steps()
        if losses.difference or self.goal is None:
            return [losses]
        return [losses, *self._compare_goal(self.goal, state)]

    def _repeat_steps(self) -> tuple[TrainingState, Check]:
        """Return the state after the updates, and the comparison of losses and gradients to the first difference."""
        state, compared = self.session.put_on_devices(unpack_checkpoint(self.session, self.base)[0]), 0
        size = self.session.config.training.steps_per_call
        first = self.start
        while first < self.stop:
            begin = [step for step in self._begin_averaging if step >= first]
            if first in begin:
                state = state.with_average_begun()
            numbers = range(first, min([self.stop, first + size, *(step for step in begin if step > first)]))
            first = numbers.stop
            rates = [planned_rate(self._record(number)) for number in numbers]
            state, metrics = self.session.train_steps(state, *self.session.call_inputs(numbers, rates))
            for number, made in zip(numbers, UpdateMetrics.read(metrics), strict=False):
                found = find_difference(made, self._record(number))
                if found:
                    return state, Check("losses and gradients", found)
                compared += 1
        return state, Check(f"losses and gradients of {compared:,} steps")

    @property
    def _begin_averaging(self) -> list[int]:
        """The steps at whose evaluation the weights began to be averaged."""
        return [step for step, record in self.evaluations.items() if record.average_begins]

    def _record(self, number: int) -> StepRecord:
        """Return the record of the update `number`, counted from 0."""
        record = self.steps.get(number + 1)
        if record is None:
            raise CharloopError(
                f"{self.session.folder.metrics} says nothing of step {number + 1:,}",
                do="without it, nothing can be compared: copy it from where it is whole",
            )
        return record

    def _compare_goal(self, goal: Checkpoint, state: TrainingState) -> Iterator[Check]:
        """Compare all that the run saved at the last step."""
        made = pack_tree(state.with_average_begun() if self.stop in self._begin_averaging else state)
        yield compare_arrays(f"training state of step {self.stop:,}", made, goal.tensors)
        found = self.session.evaluate(state) if self.stop in self.evaluations else None
        if found:
            yield compare_values("validation loss", found.better.loss, self.evaluations[self.stop].loss)
        params = state.chosen(averaged=found.is_averaged if found else state.has_average)
        yield from self._compare_weights(state)
        written = samples_path(self.session.folder, self.stop)
        if written.exists():
            same = any(
                has_content(
                    written, format_samples(sample_texts(self.session, params, self.stop, escaped=escaped))
                )
                for escaped in (True, False)
            )
            yield Check("samples", None if same else f"{written} has another text")

    def _compare_weights(self, state: TrainingState) -> Iterator[Check]:
        """Compare the best weights, if they are of the last step."""
        try:
            weights, facts = self.session.folder.load_weights()
        except CharloopError as error:
            yield Check("best weights", error.what)
            return
        if facts.get("step") == self.stop:
            chosen = state.chosen(averaged=facts.get("averaged") is True)
            params = {name: np.asarray(value) for name, value in chosen.items()}
            yield compare_arrays("best weights", params, weights)


def has_content(path: Path, content: bytes) -> bool:
    """Return whether a file has exactly this content."""
    try:
        return read_small(path) == content
    except OSError:
        return False


def read_newest_two(folder: RunFolder) -> tuple[list[Checkpoint], list[str]]:
    """Read the two newest intact checkpoints, with a note for each damaged one; CharloopError if none is intact."""
    found: list[Checkpoint] = []
    notes: list[str] = []
    for path in folder.checkpoints.paths():
        try:
            found.append(folder.checkpoints.read(path))
        except CharloopError as error:
            notes.append(error.what)
        if len(found) == 2:
            break
    return found or [folder.checkpoints.newest()], notes


def read_records_after(
    metrics: Path, start: int
) -> tuple[dict[int, StepRecord], dict[int, EvaluationRecord]]:
    """Return the records of steps and evaluations after `start`, by their step."""
    steps: dict[int, StepRecord] = {}
    evaluations: dict[int, EvaluationRecord] = {}
    for record in read_records(metrics):
        if record.step <= start:
            continue
        if isinstance(record, EvaluationRecord):
            evaluations[record.step] = record
        else:
            steps[record.step] = record
    return steps, evaluations


def note_other_machine(session: TrainingSession, start: int) -> list[str]:
    """Return a note if the updates after `start` were made with something else than this process has."""
    stretches = [s for s in session.folder.made_with if s.get("from_step", 0) <= start]
    found = (
        compare_provenance(dict(stretches[-1]), current_provenance(session.mesh, start))
        if stretches
        else None
    )
    return [f"{found}: the result may differ"] if found else []


def planned_rate(record: StepRecord) -> float:
    """Return the learning rate of the schedule; the repetition lowers it again where updates are discarded."""
    rate = record.learning_rate if record.planned_rate is None else record.planned_rate
    if not math.isfinite(rate):
        raise CharloopError(
            f"the metrics are damaged: learning rate {rate} of step {record.step:,}",
            do="copy them from where they are whole",
        )
    return rate


def find_difference(made: UpdateMetrics, was: StepRecord) -> str | None:
    """Return in what an update's loss or gradient differs from what was recorded; None if in nothing."""
    for name in ("loss", "gradient_norm"):
        what = f"{name.replace('_', ' ')} of step {was.step:,}"
        found = compare_values(what, getattr(made, name), getattr(was, name))
        if found.difference:
            return f"{what}: {found.difference}"
    return None


def compare_values(what: str, made: float, was: float) -> Check:
    """Compare two numbers to the last bit; the file has null for all that are not finite."""
    same = made == was or not (math.isfinite(made) or math.isfinite(was))
    return Check(what, None if same else f"{made!r}, where the run had {was!r}")


def compare_arrays(what: str, made: dict[str, np.ndarray], was: dict[str, np.ndarray]) -> Check:
    """Compare two sets of arrays byte by byte."""
    other = sorted(
        name
        for name in made.keys() | was.keys()
        if name not in made or name not in was or made[name].tobytes() != was[name].tobytes()
    )
    size = sum(array.nbytes for array in made.values())
    described = f"{what}, {len(made)} arrays, {size:,} bytes"
    return Check(described, f"{', '.join(other[:3])} and {len(other)} in all differ" if other else None)
