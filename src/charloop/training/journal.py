"""What has happened in a run so far, and how it is saved together with the training state."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from charloop.checkpoint import pack_tree
from charloop.evaluation import Score
from charloop.training.session import Session
from charloop.training.state import TrainingState


@dataclass
class Journal:
    """The host's part of the training state: what has happened so far."""

    elapsed: float = 0.0
    """Seconds of training."""
    best: tuple[float, int] | None = None
    """Nats and characters of the best evaluation."""
    best_step: int = 0
    evaluations: int = 0
    since_best: int = 0
    """Evaluations since the best one."""
    evaluated: int = 0
    """Step of the last evaluation."""
    unscored: int = 0
    """Evaluations in a row whose loss was not finite."""

    @property
    def best_score(self) -> Score | None:
        """The best evaluation, if there was one whose loss is a number."""
        return Score(*self.best) if self.best else None


def save_state(session: Session, state: TrainingState, journal: Journal) -> None:
    """Write a training state and the host's part of it as the run's newest save."""
    keep = session.config.training.keep_saves
    session.folder.saves.write(int(state.step), pack_tree(state), asdict(journal), keep)


def keep_best(session: Session, state: TrainingState, journal: Journal) -> None:
    """Write the weights that are trained on; before the first evaluation they are the best there are."""
    params = {name: np.asarray(value) for name, value in state.params.items()}
    session.folder.save_weights(params, facts_of_best(journal, int(state.step)))


def facts_of_best(journal: Journal, step: int) -> dict[str, Any]:
    """What goes with the weights after `step` updates: no loss if they were never evaluated."""
    best = journal.best_score
    if best is None:
        return {"step": step, "validation_loss": None}
    return {"step": step, "validation_loss": best.loss, "validation_characters": best.characters}
