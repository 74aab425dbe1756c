"""What stays the same while a run trains: text, network, devices, folder, and the compiled training step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from jax.sharding import Mesh

from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import split_corpus
from charloop.config import RunConfig
from charloop.data import Corpus, Split, TrainingChunks, find_prefix_of_tokens, fit_batch
from charloop.data.documents.order import count_documents
from charloop.devices import choose_devices, make_mesh
from charloop.dropout import RECURRENT, is_recurrent
from charloop.engines import XLA
from charloop.errors import CharloopError
from charloop.evaluation import Evaluator
from charloop.kernels import KernelError
from charloop.model import CharLM
from charloop.progress import ProgressListener
from charloop.training.averaging import Evaluation, check_averaging, is_averaging, start_average
from charloop.training.optimizer import make_optimizer
from charloop.training.schedule import Budget, Schedule, given_rate, learning_rate
from charloop.training.state import TrainingState, training_state_shapes, training_state_shardings
from charloop.training.step import TrainSteps, compile_steps
from charloop.unroll import reason_against_precision

DEFAULT_EPOCHS = 10


def check_precision(precision: str, model: CharLM) -> None:
    """Raise CharloopError where this machine or unrolling cannot compute products in `precision`."""
    reason = reason_against_precision(precision, model.config.unroll, model.cell)
    if reason:
        raise CharloopError("--precision", got=precision, allowed=f"float32 here: {reason}")


def check_weight_dropout(rate: float, model: CharLM) -> None:
    """Raise CharloopError if there are weights to drop and the network has none of that name."""
    if rate and not any(map(is_recurrent, jax.eval_shape(model.init, jax.random.key(0)))):
        raise CharloopError(
            f"--weight-dropout {rate:g} for {model.config.cell}, which has no parameter {RECURRENT}",
            do=f"leave it out, or name the matrix between hidden states {RECURRENT}",
        )


@dataclass(frozen=True)
class TrainingSession:
    """Everything that the training loop needs and that does not change while it runs."""

    folder: RunFolder
    corpus: Corpus
    split: Split
    chunks: TrainingChunks
    model: CharLM
    optimizer: optax.GradientTransformationExtraArgs
    mesh: Mesh
    train_steps: TrainSteps
    evaluator: Evaluator
    budget: Budget
    prefix: str
    """What separates the paragraphs, lines or words of the training text."""
    schedule: Schedule | None = None
    """A program's own, which replaces the learning rate of the configuration."""

    @classmethod
    def open(cls, folder: RunFolder, corpus: Corpus) -> "TrainingSession":
        """Return the session of a run that exists."""
        model = CharLM.build(folder.config.model, folder.vocabulary.size, folder.vocabulary.end_id)
        return cls.of(folder, corpus, split_corpus(folder.config, corpus), model)

    @classmethod
    def of(cls, folder: RunFolder, corpus: Corpus, cut: Split, model: CharLM) -> "TrainingSession":
        """Return the session of a run folder whose configuration is complete, with its split and its model."""
        config = folder.config
        chunks = TrainingChunks.of(corpus.tokens[cut.train], config)
        check_precision(config.training.precision, model)
        check_weight_dropout(config.training.weight_dropout, model)
        check_averaging(config.training, validated=bool(cut.sizes[1]))
        given, schedule = folder.need("optimizer"), folder.need("schedule")
        optimizer = make_optimizer(config.training, given)
        mesh = make_mesh(choose_devices(config.data.batch_size, config.training.devices))
        known = folder.vocabulary
        prefix = "" if known.documents else find_prefix_of_tokens(chunks.tokens, known)
        ids = tuple(known.encode(prefix).tolist())
        # Each document begins with an empty memory already.
        settings = replace(config.training, state_dropout=0.0) if known.documents else config.training
        steps = compile_steps(model, optimizer, mesh, settings, ids)
        budget = Budget.of(config.training, chunks.chunks_per_epoch)
        evaluator = Evaluator(model)
        return cls(
            folder, corpus, cut, chunks, model, optimizer, mesh, steps, evaluator, budget, prefix, schedule
        )

    @property
    def config(self) -> RunConfig:
        """The complete configuration of the run."""
        return self.folder.config

    @property
    def training(self) -> np.ndarray:
        """The tokens of the training text."""
        return self.corpus.tokens[self.split.train]

    @property
    def validation(self) -> np.ndarray | None:
        """The tokens of the validation text; None if there is none."""
        return self.corpus.tokens[self.split.validation] if self.split.sizes[1] else None

    def evaluate(self, state: TrainingState, listener: ProgressListener | None = None) -> Evaluation | None:
        """Score the validation text with the weights, and with an average that has begun; None if there is no text.

        `listener` receives the progress.
        """
        limit, text = self.config.training.validation_limit or None, self.validation
        if text is None:
            return None
        both = [state.params, *([state.chosen(averaged=True)] if state.has_average else [])]
        return Evaluation(*(self.evaluator.score(params, text, limit, listener=listener) for params in both))

    def rate(self, number: int, *, epoch: float, progress: float) -> float:
        """Return the learning rate of the update `number` (from 0): 1 for a given optimizer without a schedule."""
        if self.schedule is not None:
            return given_rate(self.schedule, number)
        if self.folder.given.optimizer is not None:
            return 1.0
        return learning_rate(self.config.training, step=number, epoch=epoch, progress=progress)

    def call_inputs(self, numbers: Sequence[int], rates: Sequence[float]) -> tuple[Any, ...]:
        """Return the arguments of a call that makes the updates `numbers`, at these learning rates."""
        calls, per_epoch = self.config.training.steps_per_call, self.chunks.chunks_per_epoch
        text = [self.chunks.chunk(number) for number in numbers]
        text += [text[-1]] * (calls - len(text))
        padding = [0] * (calls - len(numbers))
        resets = np.array([number % per_epoch == 0 for number in numbers] + padding, bool)
        return np.stack(text), np.array([*rates, *padding], np.float32), resets, np.int32(len(numbers))

    def chunk_offsets(self, number: int) -> list[int]:
        """Return where the chunk of the update `number` (from 0) begins in each batch row.

        In characters (of a text of bytes: bytes) from the start of the whole text.
        """
        return [self.split.train.start + start for start in self.chunks.starts(number)]

    def chunk_texts(self, number: int) -> list[str]:
        """Return the text of the chunk of the update `number` (from 0) in each batch row."""
        return [self.folder.vocabulary.decode(row) for row in self.chunks.chunk(number).T]

    def put_on_devices(self, state: TrainingState) -> TrainingState:
        """Return `state` on the devices: memory is cut along the batch, the rest whole on each."""
        placed: TrainingState = jax.device_put(state, training_state_shardings(self.mesh))
        return placed

    @contextmanager
    def compile_kernels_meanwhile(self) -> Iterator[None]:
        """Compile the kernels of the training step in the background while the block runs.

        If one cannot be compiled, the trace is forgotten. The first call then traces again, tries again, and uses
        XLA's loop if that fails too.
        """
        if self.model.engine == XLA:
            yield
            return
        # Imported here because it loads LLVM.
        from charloop.kernels.registry import compiled_in_background

        try:
            with compiled_in_background():
                self.trace_steps()
                yield
        except KernelError:
            jax.clear_caches()

    @property
    def state_shapes(self) -> TrainingState:
        """The training state with shapes and types in place of arrays."""
        state = training_state_shapes(self.model, self.optimizer, self.config.data.batch_size)
        if not is_averaging(self.config.training):
            return state
        return replace(state, average=jax.eval_shape(start_average, state.params))

    @property
    def step_shapes(self) -> tuple[Any, ...]:
        """The arguments of a training step, with shapes in place of the state."""
        placed = jax.tree.map(
            lambda sharding, part: jax.tree.map(lambda leaf: leaf.update(sharding=sharding), part),
            training_state_shardings(self.mesh),
            self.state_shapes,
        )
        return placed, *self.call_inputs([0], [0.0])

    def trace_steps(self) -> None:
        """Trace the training step from shapes alone, which requests its kernels."""
        self.train_steps.trace(*self.step_shapes)


def complete_config(config: RunConfig, cut: Split) -> tuple[RunConfig, str | None]:
    """Return `config` with all that depends on the text decided, and a note if the text is too small for it."""
    batch, time, note = fit_batch(cut.sizes[0], config.data.batch_size, config.data.seq_length)
    training = config.training
    if not (training.epochs or training.steps or training.minutes):
        training = replace(training, epochs=DEFAULT_EPOCHS)
    # Names of corpora and - stay as they are.
    sources = tuple(str(Path(s).resolve()) if Path(s).exists() else s for s in config.data.corpus)
    data = replace(config.data, batch_size=batch, seq_length=time, corpus=sources)
    return RunConfig(data, config.model, training), note


def describe_text(corpus: Corpus, cut: Split, prefix: str) -> dict[str, Any]:
    """Return what config.json records of the text."""
    train, validation, test = cut.sizes
    found: dict[str, Any] = {} if corpus.encodings is None else {"encodings": corpus.encodings}
    if corpus.vocabulary.end_id is not None:
        found["documents"] = count_documents(corpus.tokens, corpus.vocabulary.end_id)
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
        **found,
    }
