"""How long an epoch takes: of steps alone, shown once, with what a budget of minutes allows."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from charloop.cli.terminal.training_screen import TrainingScreen
from charloop.config import TrainingConfig
from charloop.training import progress
from charloop.training.events import Evaluated, Stepped
from charloop.training.metrics import StepRecord
from charloop.training.progress import EpochEstimate
from charloop.wording import duration
from cli.test_screen import SCORE, STARTED


class Clock:
    """A clock that a test sets forward."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def called(clock: Clock, estimate: EpochEstimate, seconds: float, steps: int = 8) -> str:
    """What is said after a call of some steps that took some seconds."""
    clock.now += seconds
    return estimate.add(steps, clock.now)


def test_compilation_and_evaluations_are_left_out(clock: Clock) -> None:
    estimate = EpochEstimate(chunks_per_epoch=1000)
    assert called(clock, estimate, 60.0) == "", "compiled"
    assert called(clock, estimate, 2.0) == ""
    assert called(clock, estimate, 30.0, steps=3) == "", "compiled, for another number of steps"
    estimate.pause()
    assert called(clock, estimate, 500.0) == "", "evaluated, and trained"
    # 2 s and 2 s for 8 steps each.
    assert called(clock, estimate, 2.0) == "takes about 4 min 10 s (measured over 16 steps)"
    assert called(clock, estimate, 2.0) == "", "once"


def test_an_estimate_waits_for_enough_to_measure(clock: Clock) -> None:
    estimate = EpochEstimate(chunks_per_epoch=10)
    said = [called(clock, estimate, 0.5, steps=1) for _ in range(8)]
    assert said[:-2] == [""] * 6
    assert said[-2:] == ["takes about 5 s (measured over 6 steps)", ""]


@pytest.mark.parametrize(
    ("minutes", "ending"), [(3.0, "; --minutes 3 allows at most 1.8 epochs\n"), (None, "16 steps)\n")]
)
def test_the_screen_shows_the_estimate_of_an_epoch(clock: Clock, minutes: float | None, ending: str) -> None:
    console = Console(file=io.StringIO(), width=80, soft_wrap=True, highlight=False, color_system=None)
    training = TrainingConfig(minutes=minutes, steps=None if minutes else 1000)
    config = replace(STARTED.config, training=training)
    with TrainingScreen(console) as screen:
        screen(replace(STARTED, config=config, chunks_per_epoch=400))
        for number in range(3):
            clock.now += 2.0
            screen(Stepped([StepRecord(8 * number + i, 0.1, 2.5, 1.0, 1e-3) for i in range(8)], 0.1, 1.0))
            if number == 0:
                clock.now += 2.0
                screen(Evaluated(8, SCORE, True, 1.0))
                clock.now += 50.0
                screen(Stepped([StepRecord(1, 0.1, 2.5, 1.0, 1e-3)] * 8, 0.1, 1.0))
    assert isinstance(console.file, io.StringIO)
    (line,) = [
        line for line in console.file.getvalue().splitlines(keepends=True) if line.startswith("epoch ")
    ]
    assert line.startswith("epoch    takes about 1 min 40 s (measured over ")
    assert line.endswith(ending)


def test_durations_in_words() -> None:
    spoken = {0.42: "0.42 s", 9.6: "9.6 s", 12.4: "12 s", 72: "1 min 12 s", 120: "2 min", 7500: "2 h 5 min"}
    assert {seconds: duration(seconds) for seconds in spoken} == spoken
    assert [duration(s) for s in (3599.6, 7200)] == ["60 min", "2 h"]
