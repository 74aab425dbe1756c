"""A run made ready: text, network, devices and folder, from a configuration or from where it was left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from jax.sharding import Mesh

from charloop.checkpoint import RunFolder
from charloop.config import RunConfig
from charloop.data import (
    Chunks,
    Corpus,
    ReadingListener,
    Split,
    find_prefix_of_tokens,
    fit_batch,
    split_tokens,
)
from charloop.devices import choose_devices, make_mesh
from charloop.errors import CharloopError
from charloop.evaluation import Evaluator, Score
from charloop.model import CharLM
from charloop.training.budget import Budget
from charloop.training.optimizer import Schedule, given_rate, learning_rate, make_optimizer
from charloop.training.state import places_of_training_state, shape_of_training_state
from charloop.training.step import TrainSteps, compile_steps
from charloop.types import Parameters
from charloop.unroll import reason_against_precision

DEFAULT_EPOCHS = 10


def check_precision(precision: str, model: CharLM) -> None:
    """Raises CharloopError where products in `precision` cannot be made here."""
    reason = reason_against_precision(precision, model.config.unroll, model.cell)
    if reason:
        raise CharloopError("--precision", got=precision, allowed=f"float32 here: {reason}")


@dataclass(frozen=True)
class Session:
    """Everything a loop needs that does not change while it runs."""

    folder: RunFolder
    corpus: Corpus
    split: Split
    lanes: Chunks
    model: CharLM
    optimizer: optax.GradientTransformationExtraArgs
    mesh: Mesh
    train_steps: TrainSteps
    evaluator: Evaluator
    budget: Budget
    prefix: str
    """What stands before the paragraphs, lines or words of the text that is trained on."""
    schedule: Schedule | None = None
    """A program's own, in the place of the configuration's learning rate."""

    @classmethod
    def of(cls, folder: RunFolder, corpus: Corpus) -> "Session":
        """The session of a run folder whose configuration is complete."""
        config = folder.config
        cut = split_tokens(len(corpus.tokens), config.data.validation_fraction, config.data.test_fraction)
        lanes = Chunks(corpus.tokens[cut.train], config.data.batch_size, config.data.seq_length)
        model = CharLM.build(config.model, folder.vocabulary.size)
        check_precision(config.training.precision, model)
        given, schedule = folder.need("optimizer"), folder.need("schedule")
        optimizer = make_optimizer(config.training, given)
        mesh = make_mesh(choose_devices(config.data.batch_size, config.training.devices))
        prefix = find_prefix_of_tokens(lanes.tokens, folder.vocabulary)
        ids = tuple(folder.vocabulary.encode(prefix).tolist())
        steps = compile_steps(model, optimizer, mesh, config.training, ids)
        budget = Budget.of(config.training, lanes.chunks_per_epoch)
        evaluator = Evaluator(model)
        return cls(
            folder, corpus, cut, lanes, model, optimizer, mesh, steps, evaluator, budget, prefix, schedule
        )

    @property
    def config(self) -> RunConfig:
        """What the run was asked for, complete."""
        return self.folder.config

    @property
    def training(self) -> np.ndarray:
        """The tokens that are trained on."""
        return self.corpus.tokens[self.split.train]

    @property
    def validation(self) -> np.ndarray | None:
        """The validation text's tokens, if any were set apart."""
        return self.corpus.tokens[self.split.validation] if self.split.sizes[1] else None

    def validate(self, params: Parameters, listener: ReadingListener | None = None) -> Score | None:
        """How well these weights predict the validation text, if there is one; `listener` is told how far it is."""
        limit = self.config.training.validation_limit or None
        if self.validation is None:
            return None
        return self.evaluator.score(params, self.validation, limit, listener=listener)

    def rate(self, number: int, *, epoch: float, progress: float) -> float:
        """What the update `number` (from 0) is multiplied by: of a given optimiser without a schedule, 1."""
        if self.schedule is not None:
            return given_rate(self.schedule, number)
        if self.folder.given.optimizer is not None:
            return 1.0
        return learning_rate(self.config.training, step=number, epoch=epoch, progress=progress)

    def inputs(self, numbers: Sequence[int], rates: Sequence[float]) -> tuple[Any, ...]:
        """The arguments of a call that makes the updates `numbers`, at these learning rates."""
        calls, chunks = self.config.training.steps_per_call, self.lanes.chunks_per_epoch
        places = [number % chunks for number in numbers]
        text = [self.lanes.chunk(place) for place in places]
        text += [text[-1]] * (calls - len(text))
        padding = [0] * (calls - len(places))
        resets = np.array([place == 0 for place in places] + padding, bool)
        return np.stack(text), np.array([*rates, *padding], np.float32), resets, np.int32(len(places))

    def trace(self) -> None:
        """Trace the training step, from shapes alone: this asks for its kernels, and the first call need not."""
        state = shape_of_training_state(self.model, self.optimizer, self.config.data.batch_size)
        placed = jax.tree.map(
            lambda place, part: jax.tree.map(lambda leaf: leaf.update(sharding=place), part),
            places_of_training_state(self.mesh),
            state,
        )
        self.train_steps.trace(placed, *self.inputs([0], [0.0]))


def resolve(config: RunConfig, corpus: Corpus) -> tuple[RunConfig, str | None]:
    """`config` with everything decided that depends on the text, and a note where the text was too small."""
    cut = split_tokens(len(corpus.tokens), config.data.validation_fraction, config.data.test_fraction)
    batch, time, note = fit_batch(cut.sizes[0], config.data.batch_size, config.data.seq_length)
    training = config.training
    if not (training.epochs or training.steps or training.minutes):
        training = replace(training, epochs=DEFAULT_EPOCHS)
    data = replace(config.data, batch_size=batch, seq_length=time, corpus=absolute(config.data.corpus))
    return RunConfig(data, config.model, training), note


def absolute(sources: Sequence[str]) -> tuple[str, ...]:
    """Sources as they are found again from another folder; names of corpora and - stay as they are."""
    return tuple(str(Path(s).resolve()) if Path(s).exists() else s for s in sources)


def describe_text(corpus: Corpus, cut: Split, prefix: str) -> dict[str, Any]:
    """What config.json says of the text."""
    train, validation, test = cut.sizes
    return {
        "description": corpus.description,
        "content_hash": corpus.content_hash,
        "characters": len(corpus.tokens),
        "train": train,
        "validation": validation,
        "test": test,
        "distinct": corpus.vocabulary.size,
        "notes": list(corpus.notes),
        "prefix": prefix,
    }
