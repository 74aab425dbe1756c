"""What a network writes while it is trained."""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from charloop.checkpoint import RunFolder, write_atomically
from charloop.errors import CharloopError
from charloop.trained import TrainedModel
from charloop.training.session import Session
from charloop.training.state import TrainingState

TEMPERATURES = (0.5, 0.8, 1.0)
SAMPLE_LENGTH = 300


def sample_texts(session: Session, state: TrainingState, step: int) -> list[tuple[float, str]]:
    """What the network writes at several temperatures, or why it cannot; the same for the same step."""
    params = jax.device_put(state.params, jax.devices()[0])
    trained = TrainedModel(session.model, params, session.folder.vocabulary, {}, run=session.folder)
    try:
        return [
            (t, trained.sample("", length=SAMPLE_LENGTH, temperature=t, seed=step)[0]) for t in TEMPERATURES
        ]
    except CharloopError as error:
        # A cell that fails now and then: no reason to lose a night's training.
        return [(t, f"(nothing: {error})") for t in TEMPERATURES]


def network_of(session: Session, state: TrainingState, loss: float) -> TrainedModel:
    """A copy of the network: the next update takes the state's memory.

    Raises CharloopError if it has been taken.
    """
    try:
        params = {name: jnp.array(np.array(value)) for name, value in state.params.items()}
        facts = {"step": int(state.step), "validation_loss": loss}
    except RuntimeError:
        raise CharloopError(
            "the weights of that step are gone", do="ask for the network while the event is told"
        ) from None
    return TrainedModel(session.model, params, session.folder.vocabulary, facts, run=session.folder)


def write_samples(folder: RunFolder, step: int, texts: Sequence[tuple[float, str]]) -> None:
    """Keep what the network wrote at `step`, as a text file."""
    write_atomically(samples_of(folder, step), format_samples(texts))


def samples_of(folder: RunFolder, step: int) -> Path:
    """Where `write_samples` writes."""
    return folder.samples / f"step-{step:07d}.txt"


def format_samples(texts: Sequence[tuple[float, str]]) -> bytes:
    """What `write_samples` writes."""
    parts = [f"--- temperature {temperature} ---\n{text}\n" for temperature, text in texts]
    # Some encodings have half of a surrogate pair for a character, which UTF-8 has not.
    return "\n".join(parts).encode("utf-8", "backslashreplace")
