"""Updates of a run made once more from a save, and compared bit for bit with what the run wrote down of them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from charloop.checkpoint import RunFolder, Save, pack_tree
from charloop.checkpoint.lines import read_lines
from charloop.checkpoint.text import read_own_corpus
from charloop.errors import CharloopError
from charloop.files.small import read_small
from charloop.training.provenance import differences, made_with
from charloop.training.recovery import record_of, unpacked
from charloop.training.run import place
from charloop.training.samples import format_samples, sample_texts, samples_of
from charloop.training.session import Session
from charloop.training.state import TrainingState

Records = dict[int, dict[str, Any]]


@dataclass(frozen=True)
class Check:
    """One thing that was compared."""

    what: str
    difference: str | None = None
    """Where it is not the same; None if it is."""


@dataclass(frozen=True)
class Repetition:
    """What is to be repeated: the updates after `start` and up to `stop`."""

    session: Session
    save: Save
    """The state at `start`."""
    start: int
    stop: int
    goal: Save | None
    """The save at `stop`, if there is one: the whole state is compared with it."""
    steps: Records
    """What the run wrote down of each step."""
    evaluations: Records
    notes: Sequence[str]
    """What there is to say beforehand: saves that are damaged, another machine."""

    @classmethod
    def of(cls, path: str | Path, *, cell: str | None = None, steps: int = 0) -> "Repetition":
        """From the save before the last towards the last, or from the only save as far as the metrics go.

        `steps` is the most that is repeated, 0 for all. Raises CharloopError where there is nothing to compare with.
        """
        folder = RunFolder.open(Path(path), cell=cell)
        session = Session.of(folder, read_own_corpus(folder))
        saves, notes = readable(session.folder)
        base, goal = saves[-1], saves[0] if len(saves) > 1 else None
        start = int(unpacked(session, base)[0].step)
        made, evaluations = recorded(folder.metrics, start)
        end = int(unpacked(session, goal)[0].step) if goal else max(made, default=start)
        if end <= start:
            raise CharloopError(
                f"{path} has one save, and nothing after it to compare with",
                do="train on, with --keep-saves 2",
            )
        stop = min(end, start + steps) if steps else end
        notes += elsewhere(session, start)
        notes += (
            [f"the last save is of step {end:,}: --steps 0 goes on to it, and compares it"]
            if stop < end
            else []
        )
        reached = goal if stop == end else None
        return cls(session, base, start, stop, reached, made, evaluations, notes)

    def run(self) -> list[Check]:
        """Make the updates, and say of each thing whether it came out the same."""
        state, losses = self._repeat_steps()
        if losses.difference or self.goal is None:
            return [losses]
        return [losses, *self._compare_goal(self.goal, state)]

    def _repeat_steps(self) -> tuple[TrainingState, Check]:
        """The state after them, and whether their losses and gradients are the same; the first difference ends it."""
        state, compared = place(self.session, unpacked(self.session, self.save)[0]), 0
        for numbers in calls(self.start, self.stop, self.session.config.training.steps_per_call):
            rates = [planned_rate(self._record(number)) for number in numbers]
            state, metrics = self.session.train_steps(state, *self.session.inputs(numbers, rates))
            for number, row in zip(numbers, np.asarray(metrics), strict=False):
                found = difference(number, row, self._record(number))
                if found:
                    return state, Check("losses and gradients", found)
                compared += 1
        return state, Check(f"losses and gradients of {compared:,} steps")

    def _record(self, number: int) -> dict[str, Any]:
        """What the run wrote down of the update `number`, counted from 0."""
        record = self.steps.get(number + 1)
        if record is None:
            raise CharloopError(
                f"{self.session.folder.metrics} says nothing of step {number + 1:,}",
                do="without it, nothing can be compared: copy it from where it is whole",
            )
        return record

    def _compare_goal(self, goal: Save, state: TrainingState) -> Iterator[Check]:
        """Whether all that the run saved at the last step is the same."""
        made = pack_tree(state)
        yield compare_arrays(f"training state of step {self.stop:,}", made, goal.tensors)
        score = self.session.validate(state.params) if self.stop in self.evaluations else None
        if score:
            yield compare_values("validation loss", score.loss, self.evaluations[self.stop].get("loss"))
        yield from self._compare_weights(state)
        written = samples_of(self.session.folder, self.stop)
        if written.exists():
            text = format_samples(sample_texts(self.session, state, self.stop))
            yield Check("samples", None if is_file_of(written, text) else f"{written} is another text")

    def _compare_weights(self, state: TrainingState) -> Iterator[Check]:
        """Whether the best weights are the same, if they are of the last step."""
        try:
            weights, facts = self.session.folder.load_weights()
        except CharloopError as error:
            yield Check("best weights", error.what)
            return
        if facts.get("step") == self.stop:
            params = {name: np.asarray(value) for name, value in state.params.items()}
            yield compare_arrays("best weights", params, weights)


def is_file_of(path: Path, content: bytes) -> bool:
    """Whether that and no more is in a file."""
    try:
        return read_small(path) == content
    except OSError:
        return False


def readable(folder: RunFolder) -> tuple[list[Save], list[str]]:
    """The two newest saves that are whole, and a note for each that is not; CharloopError if none is."""
    saves: list[Save] = []
    notes: list[str] = []
    for path in folder.saves.paths():
        try:
            saves.append(folder.saves.read(path))
        except CharloopError as error:
            notes.append(error.what)
        if len(saves) == 2:
            break
    return saves or [folder.load_state()], notes


def recorded(metrics: Path, start: int) -> tuple[Records, Records]:
    """The steps and the evaluations after `start` that a run wrote down, by their step."""
    found: dict[str, Records] = {"step": {}, "evaluation": {}}
    try:
        for record in map(record_of, read_lines(metrics)):
            number, kind = record.get("step"), record.get("kind")
            if isinstance(number, int) and number > start and kind in ("step", "evaluation"):
                found[kind][number] = record
    except OSError as error:
        raise CharloopError(f"cannot read {metrics} ({error.strerror})") from None
    return found["step"], found["evaluation"]


def elsewhere(session: Session, start: int) -> list[str]:
    """A note if what was made after `start` was made with something else than there is here."""
    stretches = [s for s in session.folder.made_with if s.get("from_step", 0) <= start]
    found = differences(dict(stretches[-1]), made_with(session.mesh, start)) if stretches else None
    return [f"{found}: it may well not come out the same"] if found else []


def calls(start: int, stop: int, most: int) -> Iterator[range]:
    """The numbers of the updates from `start` to `stop`, those of one call after the other."""
    for first in range(start, stop, most):
        yield range(first, min(stop, first + most))


def planned_rate(record: dict[str, Any]) -> float:
    """The learning rate that the schedule asked for; what undone updates made of it comes out again."""
    rate = record.get("planned_rate", record.get("learning_rate"))
    if not isinstance(rate, float):
        raise CharloopError(
            f"the metrics are damaged: learning rate {rate!r:.40} of step {record['step']:,}",
            do="copy them from where they are whole",
        )
    return rate


def difference(number: int, row: np.ndarray, record: dict[str, Any]) -> str | None:
    """Where an update's loss or gradient is not what was written down; None if it is."""
    for name, value in zip(("loss", "gradient_norm"), map(float, row), strict=False):
        found = compare_values(f"{name.replace('_', ' ')} of step {number + 1:,}", value, record.get(name))
        if found.difference:
            return f"{found.what}: {found.difference}"
    return None


def compare_values(what: str, made: float, was: Any) -> Check:
    """Two numbers, to the last bit; the run wrote null for what was not finite."""
    same = made == was if isinstance(was, float) else was is None and not math.isfinite(made)
    return Check(what, None if same else f"{made!r}, where the run had {was!r}")


def compare_arrays(what: str, made: dict[str, np.ndarray], was: dict[str, np.ndarray]) -> Check:
    """Two sets of arrays, byte by byte."""
    other = sorted(
        name
        for name in made.keys() | was.keys()
        if name not in made or name not in was or made[name].tobytes() != was[name].tobytes()
    )
    size = sum(array.nbytes for array in made.values())
    told = f"{what}, {len(made)} arrays, {size:,} bytes"
    return Check(told, f"{', '.join(other[:3])} and {len(other)} in all are not the same" if other else None)
