"""The samples that a network writes while it is trained, and the copy of it that a listener may ask for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from charloop.checkpoint import RunFolder
from charloop.data.decoding import escape_stray_bytes
from charloop.errors import CharloopError
from charloop.trained import TrainedModel
from charloop.training.session import TrainingSession
from charloop.types import Parameters

TEMPERATURES = (0.5, 0.8, 1.0)
SAMPLE_LENGTH = 300
SAMPLE_DOCUMENTS = 20
"""The most documents of a sample."""


def sample_texts(
    session: TrainingSession, params: Parameters, step: int, *, escaped: bool = True
) -> list[tuple[float, str]]:
    """Return a sample at each temperature, or the reason why there is none; the same for the same step.

    Without `escaped`, bytes that are not UTF-8 are U+FFFD, as in the samples of earlier versions.
    """
    params = jax.device_put(params, jax.devices()[0])
    trained = TrainedModel(session.model, params, session.folder.vocabulary, {}, run=session.folder)
    write = write_sample if escaped else _write
    try:
        return [(t, write(trained, SAMPLE_LENGTH, temperature=t, seed=step)) for t in TEMPERATURES]
    except CharloopError as error:
        # A cell that fails occasionally should not end the training.
        return [(t, f"(nothing: {error})") for t in TEMPERATURES]


def write_sample(network: TrainedModel, length: int, **settings: Any) -> str:
    """Return a text of `length` characters, or as many whole documents as fit in it (at least one).

    Before a document with a label is that, in brackets. Bytes that are not UTF-8 are escaped: `\\xff`.
    """
    if network.vocabulary.unit == "char":
        return _write(network, length, **settings)
    return escape_stray_bytes(_write(network.keep_stray_bytes(), length, **settings))


def _write(network: TrainedModel, length: int, **settings: Any) -> str:
    if not network.vocabulary.documents:
        return network.sample("", length=length, **settings)[0]
    known = network.vocabulary
    drafts = network.documents(max_length=length, **settings).write(0, SAMPLE_DOCUMENTS)
    fits = np.cumsum([len(draft.ids) + 1 for draft in drafts]) <= length
    return known.joint.join(
        (f"[{known.label_of(draft.label)}] " if draft.label else "") + known.decode(draft.ids)
        for draft in drafts[: max(1, fits.sum())]
    )


def copy_network(session: TrainingSession, params: Parameters, step: int, loss: float) -> TrainedModel:
    """Return a copy of the network, because the next update reuses the memory of `params`.

    Raises CharloopError if it has been reused already.
    """
    try:
        params = {name: jnp.array(np.array(value)) for name, value in params.items()}
        facts = {"step": step, "validation_loss": loss}
    except RuntimeError:
        raise CharloopError(
            "the weights of that step are gone", do="ask for the network while the listener handles the event"
        ) from None
    return TrainedModel(session.model, params, session.folder.vocabulary, facts, run=session.folder)


def samples_path(folder: RunFolder, step: int) -> Path:
    """Return the path of the samples of `step`."""
    return folder.samples / f"step-{step:07d}.txt"


def format_samples(texts: Sequence[tuple[float, str]]) -> bytes:
    """Return the content of a file of samples."""
    parts = [f"--- temperature {temperature} ---\n{text}\n" for temperature, text in texts]
    # In some encodings half of a surrogate pair is a character; UTF-8 does not have it.
    return "\n".join(parts).encode("utf-8", "backslashreplace")
