"""When a run ends and where it pauses: steps, epochs, minutes, whichever comes first."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from charloop.config import TrainingConfig
from charloop.evaluation import Evaluator, Score
from charloop.training.events import Noted
from charloop.training.run import count_preparation
from charloop.training.schedule import Budget
from charloop.training.state import Journal
from training.runs import CHUNKS, configure, resume_recorded, run


def budget(**settings) -> Budget:
    return Budget.of(TrainingConfig(**settings), 10)


@pytest.mark.parametrize(
    ("settings", "steps", "seconds"),
    [
        ({"steps": 7}, 7, None),
        ({"epochs": 3}, 30, None),
        ({"steps": 7, "epochs": 3}, 7, None),
        ({"steps": 70, "epochs": 3}, 30, None),
        ({"minutes": 0.5}, None, 30),
        ({"minutes": 2.0, "epochs": 3}, 30, 120),
    ],
)
def test_limits_are_turned_into_steps_and_seconds(settings: dict, steps: int, seconds: float) -> None:
    assert (budget(**settings).steps, budget(**settings).seconds) == (steps, seconds)


def test_the_limit_that_is_reached_first_ends_the_budget() -> None:
    both = budget(minutes=1.0, steps=100)
    assert not both.is_over(99, 59.9)
    assert both.is_over(100, 1.0)
    assert both.is_over(1, 60.0)
    assert both.progress(50, 15.0) == 0.5
    assert both.progress(10, 45.0) == 0.75
    assert both.progress(10**6, 45.0) == 1


def test_a_call_never_runs_past_an_evaluation_a_checkpoint_or_the_end() -> None:
    plan = budget(steps=23, eval_every=10, save_every=6)
    stops, step = [], 0
    while not plan.is_over(step, 0.0):
        step += plan.updates_until_pause(step, 4)
        stops.append(step)
    assert stops == [4, 6, 10, 12, 16, 18, 20, 23]
    assert [s for s in stops if plan.save_due(s)] == [6, 12, 18]
    assert [s for s in stops if plan.evaluation_due(s, s / 23, 0.0)] == [10, 20]


def test_about_twenty_evaluations_unless_set_otherwise() -> None:
    assert budget(steps=200).eval_every == 10
    assert budget(steps=3).eval_every == 1
    timed = budget(minutes=1.0)
    assert timed.eval_every == 0
    seconds = [0.0, 2.9, 3.0, 5.9, 6.1, 59.0, 60.0]
    shares = [timed.progress(1, second) for second in seconds]
    due = [timed.evaluation_due(1, now, before) for before, now in pairwise(shares)]
    assert due == [False, True, False, True, True, True]


def test_by_the_clock_training_lasts_ten_times_as_long_as_an_evaluation() -> None:
    timed = budget(minutes=1.0)
    since = timed.progress(1, 10.0)
    assert [timed.evaluation_due(1, timed.progress(1, now), since, 2.0) for now in (29.0, 31.0)] == [
        False,
        True,
    ]
    assert budget(steps=40).evaluation_due(2, 2 / 40, 0.0, 1e6)


def test_checkpoints_between_evaluations_are_by_the_clock_and_cost_a_hundredth() -> None:
    plan = budget(steps=100)
    assert [plan.save_due(7, since, 0.01) for since in (59.0, 61.0)] == [False, True]
    assert [plan.save_due(7, since, 5.0) for since in (61.0, 499.0, 501.0)] == [False, False, True]
    asked = budget(steps=100, save_every=6)
    assert [asked.save_due(step, 1e6, 0.0) for step in (5, 6)] == [False, True]


class Clock:
    """A clock that advances by a quarter of a second at each reading."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        self.now += 0.25
        return self.now


def test_minutes_are_by_the_clock(tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.training.loop.time", Clock())
    made = run(tmp_path / "run", configure(text, steps=None, minutes=1.0, eval_every=None, decay="linear"))
    assert made.evaluations[-1].step == made.finished.step
    assert 57 <= made.evaluations[-1].elapsed <= 62
    assert 1 <= made.finished.step < 200
    assert made.finished.reason == "the budget is used up"
    assert len(made.evaluations) >= 3
    rates = [step.learning_rate for step in made.steps]
    assert rates[-1] < rates[5] / 2
    # It ended a little before or after a minute, and has no more to do.
    again = resume_recorded(made.folder)
    assert (again.steps, again.evaluations) == ([], [])


def count(limits: Budget, journal: Journal, seconds: float) -> float:
    """The seconds of a run after a preparation that fits into it."""
    assert count_preparation(limits, journal, seconds) == []
    return journal.elapsed


def test_preparation_counts_in_a_run_by_the_clock_but_leaves_time_to_train(
    tmp_path: Path, text: Path
) -> None:
    assert count(budget(steps=7), Journal(), 1e6) == 0
    assert count(budget(minutes=1.0), Journal(), 20.0) == 20
    assert count(budget(minutes=1.0), Journal(elapsed=40.0), 8.0) == 48
    assert count(budget(minutes=1.0), Journal(elapsed=40.0, evaluation_seconds=20.0), 8.0) == 40
    config = configure(text, steps=None, minutes=0.02, eval_every=4)
    made = run(tmp_path / "run", config, began=time.monotonic() - 5000)
    assert made.steps
    late = "took 1 h 23 min: the run lasts longer than "
    assert any(f"{late}0.02 minutes" in note for note in made.started.notes)
    longer = configure(text, steps=None, minutes=10.0, eval_every=4)
    again = resume_recorded(made.folder, longer, began=time.monotonic() - 5000, until=0.01)
    assert again.steps
    assert any(f"{late}10 minutes" in note for note in again.started.notes)
    assert again.finished.elapsed > 300


@pytest.mark.parametrize(
    ("minutes", "evaluations", "elapsed", "late"), [(2.0, 2, 120, False), (0.1, 1, 21, True)]
)
def test_an_expensive_first_evaluation_is_not_followed_by_a_second(
    tmp_path: Path,
    text: Path,
    monkeypatch: pytest.MonkeyPatch,
    minutes: float,
    evaluations: int,
    elapsed: float,
    late: bool,
) -> None:
    clock, score = Clock(), Evaluator.score

    def expensive(*arguments: Any, **named: Any) -> Score:
        clock.now += 20.0
        return score(*arguments, **named)

    monkeypatch.setattr("charloop.training.loop.time", clock)
    monkeypatch.setattr(Evaluator, "score", expensive)
    made = run(tmp_path / "run", configure(text, steps=None, minutes=minutes, eval_every=None))
    # Ten times twenty seconds are longer than the run: the next evaluation is the last.
    assert len(made.evaluations) == evaluations
    assert any("training ended" in note.text for note in made.heard(Noted)) == late
    assert made.evaluations[-1].step == made.finished.step
    # Training leaves it its twenty seconds.
    assert made.evaluations[-1].elapsed == pytest.approx(elapsed, abs=5)


def test_epochs_end_a_run_where_the_text_ends(tmp_path: Path, text: Path) -> None:
    made = run(tmp_path / "run", configure(text, steps=None, epochs=2, steps_per_call=8))
    assert made.finished.step == 2 * CHUNKS == len(made.steps)
    assert made.steps[CHUNKS].epoch == 1.0


def test_the_steps_are_counted_from_1_and_none_is_left_out(tmp_path: Path, text: Path) -> None:
    made = run(tmp_path / "run", configure(text, steps=10))
    assert [step.step for step in made.steps] == list(range(1, 11))
    assert [line["step"] for line in made.lines if line["kind"] == "step"] == list(range(1, 11))
