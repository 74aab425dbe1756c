"""The unrollings of one model side by side: the time to trace, to compile and to make a training step."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from charloop.benchmark.training_step import StepSetting, TrainingStep, select_unrollings


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
