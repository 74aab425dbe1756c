"""Each unrolling of the same model: the time to build, to compile and to make a step."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from charloop.config import ModelConfig, TrainingConfig
from charloop.devices import choose_devices, make_mesh
from charloop.model import CharLM
from charloop.training.optimizer import make_optimizer
from charloop.training.state import initial_training_state
from charloop.training.step import compile_steps
from charloop.unroll import choose_unrolling


@dataclass(frozen=True)
class Setting:
    """What is timed: embedding, layers, readout, loss, gradient, clip, Adam, in float32."""

    model: ModelConfig
    batch_size: int
    seq_length: int
    vocab_size: int
    precision: str = "float32"


@dataclass(frozen=True)
class Timing:
    """Seconds. `trace`: from Python to the compiler's input; `compile`: from there to machine code."""

    unrolling: str
    trace: float
    compile: float
    steps: Sequence[float]

    @property
    def median(self) -> float:
        """Seconds of the step in the middle."""
        return statistics.median(self.steps)


class Step:
    """What training gives its compiler, for calls of up to `calls` updates."""

    def __init__(self, setting: Setting, unrolling: str, calls: int = 1) -> None:
        model = CharLM.build(replace(setting.model, unroll=unrolling), setting.vocab_size)
        config = TrainingConfig(optimizer="adam", precision=setting.precision)  # type: ignore[arg-type]
        optimizer = make_optimizer(config)
        self.state = initial_training_state(model, optimizer, setting.batch_size, seed=0)
        shape = (calls, setting.seq_length + 1, setting.batch_size)
        text = np.random.default_rng(0).integers(setting.vocab_size, size=shape, dtype=np.int32)
        self.inputs = (text, np.full(calls, 1e-4, np.float32), np.zeros(calls, bool))
        self.program = compile_steps(model, optimizer, make_mesh(choose_devices(setting.batch_size)), config)

    def lower(self) -> jax.stages.Lowered:
        """The program before it is compiled."""
        return self.program.lower(self.state, *self.inputs, np.int32(1))


class Program:
    """One unrolling's training step, built and ready to be timed."""

    def __init__(self, setting: Setting, unrolling: str, calls: int = 1) -> None:
        step = Step(setting, unrolling, calls)
        self.unrolling, self.inputs = unrolling, step.inputs
        self.trace, lowered = timed(step.lower)
        self.compile, self.program = timed(lowered.compile)
        self.state = jax.device_put(step.state, self.program.input_shardings[0][0])
        self.step()

    def step(self, count: int = 1) -> float:
        """Seconds of a call that makes `count` updates."""
        given = (self.state, *self.inputs, np.int32(count))
        seconds, self.state = timed(lambda: jax.block_until_ready(self.program(*given))[0])
        return seconds


def timed(work: Any) -> tuple[float, Any]:
    """Seconds that `work()` takes, and what it gives."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def time_unrollings(setting: Setting, unrollings: Sequence[str], repeats: int) -> list[Timing]:
    """Build each unrolling's step, then time them in turn (A B C A B C ...).

    An unrolling that cannot run the cell is left out.
    """
    cell = CharLM.build(setting.model, setting.vocab_size).cell
    fitting = [name for name in unrollings if choose_unrolling(name, cell)[0] == name]
    programs = [Program(setting, name) for name in fitting]
    steps: dict[str, list[float]] = {program.unrolling: [] for program in programs}
    for _ in range(repeats):
        for program in programs:
            steps[program.unrolling].append(program.step())
    return [Timing(p.unrolling, p.trace, p.compile, steps[p.unrolling]) for p in programs]
