"""The speed of a network on this machine: characters per second, and the seconds that each unrolling takes."""

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from charloop.benchmark.training_step import StepSetting, TrainingStep, measure_seconds, select_unrollings
from charloop.config import ModelConfig, TrainingConfig
from charloop.data import Vocabulary
from charloop.model import CharLM
from charloop.trained import TrainedModel


@dataclass(frozen=True)
class Speed:
    """What was timed, the seconds until it first ended, and the characters per second of each repetition."""

    name: str
    first: float
    rates: Sequence[float]

    @property
    def median(self) -> float:
        """The median characters per second."""
        return statistics.median(self.rates)


def measure_training_speed(setting: StepSetting, repeats: int) -> Speed:
    """Time calls of the training step; one call makes the same number of updates as in `charloop train`."""
    updates = TrainingConfig().steps_per_call

    def build() -> TrainingStep:
        step = TrainingStep(setting, setting.model.unroll, updates)
        step.time_call()
        return step

    first, step = measure_seconds(build)
    rates = [updates * setting.characters / step.time_call(updates) for _ in range(repeats)]
    return Speed("training", first, rates)


def measure_sampling_speed(
    model: ModelConfig, vocab_size: int, num_samples: int, length: int, repeats: int
) -> Speed:
    """Time the writing of `num_samples` texts of `length` characters; the rate counts all texts together."""
    write = make_writer(model, vocab_size, num_samples, length=length)
    first, _ = measure_seconds(write)
    rates = [num_samples * length / measure_seconds(write)[0] for _ in range(repeats)]
    name = "sampling, 1 text" if num_samples == 1 else f"sampling, {num_samples} texts"
    return Speed(name, first, rates)


def make_writer(
    config: ModelConfig, vocab_size: int, num_samples: int, **settings: Any
) -> Callable[[], list[str]]:
    """Return a function that writes `num_samples` texts with an untrained network, and returns them.

    A single text is streamed to the null device piece by piece, as `charloop sample` prints it; several are written
    at once. `settings` are fields of SamplingConfig.
    """
    vocabulary = Vocabulary.of_text("".join(map(chr, range(32, 32 + vocab_size))))
    model = CharLM.build(config, vocabulary.size)
    network = TrainedModel(model, model.init(jax.random.key(0)), vocabulary, {})

    def stream() -> list[str]:
        pieces = []
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            for piece in network.stream("A", **settings):
                print(piece, end="", file=nothing, flush=True)
                pieces.append(piece)
        return ["".join(pieces)]

    return stream if num_samples == 1 else lambda: network.sample("A", num_samples=num_samples, **settings)


@dataclass(frozen=True)
class UnrollingTiming:
    """The seconds that one unrolling takes to trace, to compile, and for each timed step."""

    unrolling: str
    trace: float
    compile: float
    steps: Sequence[float]

    @property
    def median(self) -> float:
        """The median seconds of a step."""
        return statistics.median(self.steps)


def time_unrollings(setting: StepSetting, unrollings: Sequence[str], repeats: int) -> list[UnrollingTiming]:
    """Compile the step of each unrolling, then time them in turn (A B C A B C ...).

    An unrolling that cannot run the cell is left out.
    """
    programs = [TrainingStep(setting, name) for name in select_unrollings(setting, unrollings)]
    for program in programs:
        program.time_call()
    rounds = [[program.time_call() for program in programs] for _ in range(repeats)]
    return [
        UnrollingTiming(program.unrolling, program.trace_seconds, program.compile_seconds, steps)
        for program, *steps in zip(programs, *rounds, strict=True)
    ]
