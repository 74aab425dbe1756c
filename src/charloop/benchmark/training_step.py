"""A training step as `charloop train` compiles it, on random text, ready to be timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import jax
import numpy as np

from charloop.config import ModelConfig, TrainingConfig
from charloop.devices import choose_devices, make_mesh
from charloop.model import CharLM
from charloop.training.optimizer import make_optimizer
from charloop.training.session import check_precision
from charloop.training.state import initial_training_state
from charloop.training.step import compile_steps
from charloop.unroll import choose_unrolling
from charloop.wording import describe_model

Result = TypeVar("Result")


@dataclass(frozen=True)
class StepSetting:
    """The sizes of a training step. CharloopError for a network or a precision that is not possible here."""

    model: ModelConfig
    batch_size: int
    seq_length: int
    vocab_size: int
    precision: str = "float32"

    def __post_init__(self) -> None:
        check_precision(self.precision, CharLM.build(self.model, self.vocab_size))

    def __str__(self) -> str:
        """The network and the step in a few words."""
        step = f"batch {self.batch_size}, {self.seq_length} characters a step"
        return f"{describe_model(self.model)}, {step}"

    @property
    def characters(self) -> int:
        """Characters that one step reads."""
        return self.batch_size * self.seq_length


class TrainingStep:
    """A compiled training step: embedding, layers, readout, loss, gradient, clipping and Adam.

    One call makes up to `updates_per_call` updates. With `document_length`, the text is documents of that many
    characters, which begin at other places in each batch row. `trace_seconds` is the time from Python to the
    compiler's input, `compile_seconds` the time from there to machine code.
    """

    def __init__(
        self,
        setting: StepSetting,
        unrolling: str,
        updates_per_call: int = 1,
        document_length: int | None = None,
    ) -> None:
        end = setting.vocab_size - 1 if document_length else None
        model = CharLM.build(replace(setting.model, unroll=unrolling), setting.vocab_size, end)
        config = TrainingConfig(optimizer="adam", precision=setting.precision)  # type: ignore[arg-type]
        if document_length:
            # As in training on documents, which begin with an empty memory already.
            config = replace(config, state_dropout=0.0)
        optimizer = make_optimizer(config)
        state = initial_training_state(model, optimizer, setting.batch_size, seed=0)
        shape = (updates_per_call, setting.seq_length + 1, setting.batch_size)
        text = np.random.default_rng(0).integers(end or setting.vocab_size, size=shape, dtype=np.int32)
        if document_length and end:
            position = np.arange(shape[1])[:, None] + np.arange(shape[2])
            text[:, position % (document_length + 1) == 0] = end
        learning_rates = np.full(updates_per_call, 1e-4, np.float32)
        self.unrolling = unrolling
        self.inputs = (text, learning_rates, np.zeros(updates_per_call, bool))
        program = compile_steps(model, optimizer, make_mesh(choose_devices(setting.batch_size)), config)
        self.trace_seconds, lowered = measure_seconds(lambda: program.lower(state, *self.inputs, np.int32(1)))
        self.compile_seconds, self.compiled = measure_seconds(lowered.compile)
        self.state = jax.device_put(state, self.compiled.input_shardings[0][0])

    def time_call(self, updates: int = 1) -> float:
        """Return the seconds of one call that makes that number of updates."""
        arguments = (self.state, *self.inputs, np.int32(updates))
        seconds, self.state = measure_seconds(lambda: jax.block_until_ready(self.compiled(*arguments))[0])
        return seconds


def measure_seconds(work: Callable[[], Result]) -> tuple[float, Result]:
    """Return the seconds that `work()` takes, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def select_unrollings(setting: StepSetting, names: Sequence[str]) -> list[str]:
    """Return those of `names` that can run the cell. Raises CharloopError for a name that does not exist."""
    cell = CharLM.build(setting.model, setting.vocab_size).cell
    return [name for name in names if choose_unrolling(name, cell)[0] == name]
