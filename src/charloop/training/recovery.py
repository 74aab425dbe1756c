"""What a run is found in when it goes on: the last save that is whole, and files that may be ahead of it."""

import json
from typing import Any

import msgspec
import numpy as np

from charloop.checkpoint import RunFolder, Save, cut_after, pack_tree, unpack_tree
from charloop.conversion import convert
from charloop.errors import CharloopError
from charloop.training.healing import unblemished
from charloop.training.journal import Journal, facts_of_best
from charloop.training.session import Session
from charloop.training.state import TrainingState, shape_of_training_state


def last_save(session: Session) -> tuple[TrainingState, Journal, list[str]]:
    """The newest save that is whole, and what there is to say of newer ones.

    Raises CharloopError if there is none, or if it is not a state of this run.
    """
    save = session.folder.load_state()
    state, journal = unpacked(session, save)
    anew = [] if int(state.step) else ["nothing was saved since the run was made: it begins again"]
    return state, journal, [*save.notes, *anew]


def unpacked(session: Session, save: Save) -> tuple[TrainingState, Journal]:
    """A save as a state and a journal; CharloopError if it is another run's."""
    like = shape_of_training_state(session.model, session.optimizer, session.config.data.batch_size)
    # A state that was saved before there was healing begins in good health.
    health = {f"health/{name}": value for name, value in pack_tree(unblemished()).items()}
    try:
        return unpack_tree(like, health | save.tensors), convert(save.facts, Journal)
    except (CharloopError, msgspec.ValidationError) as error:
        folder = session.folder.path
        raise CharloopError(
            f"{save.path} is not of this run ({error})",
            do=f"copy both from the same run, or start a new one with --init-from {folder}",
        ) from None


def forget_after(folder: RunFolder, step: int, journal: Journal) -> list[str]:
    """Drop the metrics of what came after `step`: it is about to be made again. Notes what is missing up to it."""
    if folder.skipped.exists():
        cut_after(folder.skipped, lambda line: is_upto(line, step, step))
    if not folder.metrics.exists():
        return [f"{folder.metrics} is missing: it begins again at step {step + 1:,}"] if step else []
    last = cut_after(folder.metrics, lambda line: is_upto(line, step, journal.evaluated))
    reached = record_of(last).get("step", 0)
    if reached < step:
        return [f"{folder.metrics} lacks the losses after step {reached:,} and up to {step:,}"]
    return []


def is_upto(line: bytes, step: int, evaluated: int) -> bool:
    """Whether `line` is a whole line of the metrics up to `step`, or an evaluation up to the one at `evaluated`.

    A run may be killed after an evaluation at the step of a save that knows nothing of it.
    """
    record = record_of(line)
    number = record.get("step")
    return isinstance(number, int) and number <= (evaluated if record.get("kind") == "evaluation" else step)


def record_of(line: bytes) -> dict[str, Any]:
    """What a line of the metrics says; nothing if it is damaged."""
    try:
        record = json.loads(line) if line.endswith(b"\n") else {}
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def mend_weights(session: Session, state: TrainingState, journal: Journal) -> list[str]:
    """Write the best weights if they are the state's own and the process was killed before it could.

    Notes it if they are lost.
    """
    folder, best = session.folder, journal.best_step
    if not best:
        return []
    problem = None
    try:
        if folder.load_weights()[1].get("step") == best:
            return []
    except CharloopError as error:
        problem = error.what
    if best == int(state.step):
        params = {name: np.asarray(value) for name, value in state.params.items()}
        folder.save_weights(params, facts_of_best(journal, best))
        return []
    if problem:
        return [f"{problem}: the best weights, of step {best:,}, are lost until there are better ones"]
    return []
