"""Opens the network in a run's folder."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from charloop.cells import Cell
from charloop.checkpoint import Checkpoint, RunFolder
from charloop.checkpoint.hub import names_hub
from charloop.checkpoint.names import WEIGHTS
from charloop.data import GivenText, Text
from charloop.errors import CharloopError
from charloop.given import Given
from charloop.model import CharLM
from charloop.trained.network import TrainedModel


def load(
    path: str | Path,
    *,
    cell: str | type[Cell] | Cell | None = None,
    text: GivenText | None = None,
    weights: str = "best",
    revision: str | None = None,
) -> TrainedModel:
    """Load the network in the run folder `path`: its best weights, or with weights="last" the newest.

    `path` may also be "hf:USER/NAME" on the Hugging Face hub, of which `revision` names a branch, tag or commit.
    `cell` is FILE.py:CLASS, a class or a cell, for a run with a cell of your own. `text` is the training text, if it
    was passed as an object; only `novel` and baselines need it. Raises CharloopError if the folder is not a run, is
    damaged, or does not fit `cell`, `text` or `weights`.
    """
    path = f"{path}@{revision}" if revision else path
    if revision and not names_hub(path):
        raise CharloopError("revision", got=revision, allowed="for a run on the hub: hf:USER/NAME")
    given = Given(None if text is None else Text.of(text))
    return load_trained_model(RunFolder.open(Path(path), cell=cell, given=given), weights=weights)


def load_trained_model(run: RunFolder, *, weights: str = "best") -> TrainedModel:
    """Load the network of an open run folder."""
    if weights not in ("best", "last"):
        raise CharloopError("weights", got=weights, allowed="best, last")
    model = CharLM.build(run.config.model, run.vocabulary.size, run.vocabulary.end_id)
    tensors, facts, path, notes = (
        Checkpoint(*run.load_weights(), run.path / WEIGHTS) if weights == "best" else _load_last_weights(run)
    )
    _check_weights_fit(model, tensors, path)
    # Not asarray: for NumPy arrays it compiles a program for each shape.
    params = {name: jnp.array(value) for name, value in tensors.items()}
    return TrainedModel(model, params, run.vocabulary, facts, (*notes, *model.notes), run)


def _load_last_weights(run: RunFolder) -> Checkpoint:
    """Return the weights of the newest checkpoint."""
    checkpoint, prefix = run.checkpoints.newest(), "params/"
    params = {k.removeprefix(prefix): v for k, v in checkpoint.tensors.items() if k.startswith(prefix)}
    facts = {"step": int(checkpoint.tensors["step"])} | checkpoint.facts
    return checkpoint._replace(tensors=params, facts=facts)


def _check_weights_fit(model: CharLM, tensors: dict[str, np.ndarray], path: Path) -> None:
    """Raise CharloopError unless `tensors` are all parameters of `model`, by name, type and shape."""
    expected = jax.eval_shape(model.init, jax.random.key(0))
    do = "copy the run again: config.json, vocabulary.json and the weights must come from the same run"
    for name in sorted(expected.keys() | tensors.keys()):
        wanted, found = expected.get(name), tensors.get(name)
        if wanted is None or found is None:
            state = "missing" if found is None else "not part of the model"
            raise CharloopError(f"{path}: {name} is {state}", do=do)
        if wanted.dtype != found.dtype:
            got, allowed = str(found.dtype), str(wanted.dtype)
            raise CharloopError(f"{path}: type of {name}", got=got, allowed=allowed, do=do)
        if wanted.shape != found.shape:
            shape, allowed = list(found.shape), str(list(wanted.shape))
            raise CharloopError(f"{path}: shape of {name}", got=shape, allowed=allowed, do=do)
