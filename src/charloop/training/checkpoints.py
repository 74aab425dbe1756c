"""The training state as a checkpoint: how it is saved, and how a run finds again what it continues from.

A process may be killed between any two writes. So a run that is resumed cuts its metrics back to the checkpoint it
continues from, and writes the best weights that a killed process had no time for.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from charloop.checkpoint import Checkpoint, RunFolder, cut_after, pack_tree, unpack_tree
from charloop.conversion import convert
from charloop.errors import CharloopError
from charloop.training.averaging import is_averaging
from charloop.training.metrics import EvaluationRecord, decode_record
from charloop.training.session import TrainingSession
from charloop.training.state import Journal, TrainingState
from charloop.training.update_guard import initial_health


def save_checkpoint(session: TrainingSession, state: TrainingState, journal: Journal) -> None:
    """Write a training state as the run's newest checkpoint."""
    keep = session.config.training.keep_checkpoints
    session.folder.checkpoints.write(int(state.step), pack_tree(state), asdict(journal), keep)


def save_best_weights(session: TrainingSession, state: TrainingState, journal: Journal) -> None:
    """Write the weights of `state`, or their average, as the best ones: with their step, and their loss if known."""
    best, facts = journal.best_score, dict[str, Any](step=int(state.step), validation_loss=None)
    if best:
        facts |= {"validation_loss": best.loss, "validation_characters": best.characters}
    facts |= {"averaged": True} if journal.best_is_averaged else {}
    chosen = state.chosen(averaged=journal.best_is_averaged)
    params = {name: np.asarray(value) for name, value in chosen.items()}
    session.folder.save_weights(params, facts)


def load_last_checkpoint(session: TrainingSession) -> tuple[TrainingState, Journal, list[str]]:
    """Read the newest intact checkpoint, with a note for each newer one that is damaged.

    Raises CharloopError if there is none, or if it is of another run.
    """
    checkpoint = session.folder.checkpoints.newest()
    state, journal = unpack_checkpoint(session, checkpoint)
    first = [] if int(state.step) else ["nothing was saved since the run was created: it starts again"]
    return state, journal, [*checkpoint.notes, *first]


def unpack_checkpoint(session: TrainingSession, checkpoint: Checkpoint) -> tuple[TrainingState, Journal]:
    """Return what a checkpoint holds; CharloopError if it is of another run."""
    # Checkpoints of the first releases have no health.
    health = {f"health/{name}": value for name, value in pack_tree(initial_health()).items()}
    tensors = health | checkpoint.tensors
    if is_averaging(session.config.training):
        tensors = unbegun_average(tensors) | tensors
    try:
        return unpack_tree(session.state_shapes, tensors), convert(checkpoint.facts, Journal)
    except (CharloopError, msgspec.ValidationError) as error:
        folder = session.folder.path
        raise CharloopError(
            f"{checkpoint.path} is not of this run ({error})",
            do=f"copy both from the same run, or start a new one with --init-from {folder}",
        ) from None


def unbegun_average(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the average of a run that is asked for one in the middle."""
    prefix = "params/"
    weights = {name: value for name, value in tensors.items() if name.startswith(prefix)}
    copied = {f"average/weights/{name.removeprefix(prefix)}": value for name, value in weights.items()}
    return copied | {"average/count": np.zeros((), np.int32)}


def cut_records(folder: RunFolder, step: int, journal: Journal) -> list[str]:
    """Remove the records of what happened after `step` and is about to be repeated; note what is missing up to it."""
    if folder.skipped.exists():
        cut_after(folder.skipped, lambda line: is_up_to(line, step, step))
    if not folder.metrics.exists():
        return [f"{folder.metrics} is missing: it begins again at step {step + 1:,}"] if step else []
    last = decode_record(cut_after(folder.metrics, lambda line: is_up_to(line, step, journal.evaluated)))
    reached = last.step if last else 0
    if reached < step:
        return [f"{folder.metrics} lacks the losses after step {reached:,} and up to {step:,}"]
    return []


def is_up_to(line: bytes, step: int, evaluated: int) -> bool:
    """Return whether `line` is the record of a step up to `step`, or of an evaluation up to the one at `evaluated`.

    The checkpoint of a step does not know of a later evaluation of the same step.
    """
    record = decode_record(line)
    return record is not None and record.step <= (evaluated if isinstance(record, EvaluationRecord) else step)


def restore_best_weights(session: TrainingSession, state: TrainingState, journal: Journal) -> list[str]:
    """Write the best weights if they are those of `state` and a killed process did not; note it if they are lost."""
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
        save_best_weights(session, state, journal)
        return []
    if problem:
        return [f"{problem}: the best weights, of step {best:,}, are lost until there are better ones"]
    return []
