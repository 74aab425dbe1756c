"""The learning-rate range test: what it trains, when it ends, what it finds, and that it leaves nothing behind."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from charloop.config import RunConfig
from charloop.training.new_runs import range_test
from charloop.training.new_runs.preparing import PreparedRun, prepare_run
from charloop.training.new_runs.range_test import (
    HIGHEST,
    LOWEST,
    MIN_UPDATES,
    RISE,
    RangeTest,
    find_learning_rate,
    note_edges,
    smooth_losses,
)
from charloop.training.run import train
from refusing import refused
from training.runs import Run, configure, improving, run

BOWL = np.geomspace(LOWEST, HIGHEST, 121)


def bowl(lowest: float) -> RangeTest:
    """A test whose loss falls up to the rate `lowest`, and rises after it."""
    return RangeTest(BOWL, 3 + np.abs(np.log10(BOWL / lowest)))


@pytest.fixture(scope="module")
def made(text: Path) -> RangeTest:
    return find_learning_rate(configure(text, steps=12))


def test_the_rate_rises_by_the_same_factor_each_time(made: RangeTest) -> None:
    """The run would have 12 updates: the test has its fewest."""
    assert len(made.rates) == len(made.losses) <= MIN_UPDATES
    assert made.rates[0] == pytest.approx(LOWEST)
    np.testing.assert_allclose(np.diff(np.log(made.rates)), np.log(HIGHEST / LOWEST) / (MIN_UPDATES - 1))


def test_its_updates_are_those_of_a_run(made: RangeTest, text: Path, tmp_path: Path) -> None:
    rates = [*made.rates, *[1.0] * MIN_UPDATES]
    config = configure(text, steps=len(made.rates), max_skipped=0)
    whole = Run(tmp_path / "run")
    train(config, whole.folder, schedule=lambda step: rates[step], listener=whole.events.append)
    assert whole.losses == made.losses.tolist()


def test_it_ends_where_the_loss_has_risen(text: Path) -> None:
    """SGD without clipping: the loss explodes."""
    made = find_learning_rate(configure(text, optimizer="sgd", clip_norm=0, steps=200))
    assert len(made.losses) < 200
    assert np.isfinite(made.losses).all()
    assert made.losses.max() > made.smoothed.min() + RISE
    assert made.learning_rate < made.rates[-1]


def test_the_update_guard_is_off(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would skip updates at high rates, and halve the rate after each."""
    asked: list[RunConfig] = []

    def prepare(config: RunConfig, *arguments: Any, **named: Any) -> PreparedRun:
        asked.append(config)
        return prepare_run(config, *arguments, **named)

    monkeypatch.setattr(range_test, "prepare_run", prepare)
    find_learning_rate(configure(text, steps=12))
    assert [config.training.max_skipped for config in asked] == [0]


def test_it_ends_with_the_minutes_of_the_run(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 20))
    monkeypatch.setattr(range_test, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    config = configure(text, steps=None, minutes=1.0)
    made = find_learning_rate(config)
    assert len(made.losses) == 2 * config.training.steps_per_call
    assert "give more --minutes" in made.notes[-1]


def test_it_begins_with_the_weights_of_a_run(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", improving(tmp_path, steps=40)).folder
    config = improving(tmp_path, steps=12)
    assert find_learning_rate(config, init_from=folder).losses[0] < find_learning_rate(config).losses[0] - 0.1


def test_nothing_is_written(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    find_learning_rate(configure(text))
    assert list(tmp_path.iterdir()) == []


def test_the_rate_is_a_tenth_of_the_last_that_is_low() -> None:
    for lowest in (1e-3, 0.03, 0.5):
        assert bowl(lowest).learning_rate == pytest.approx(lowest / 10, rel=0.5)
        assert bowl(lowest).highest_good >= lowest
        assert note_edges(bowl(lowest)) == []
    assert bowl(0.03).learning_rate == float(f"{bowl(0.03).learning_rate:.1e}")


def test_a_curve_that_only_falls_or_only_rises_is_noted() -> None:
    assert "did not rise" in note_edges(bowl(100.0))[0]
    flat = replace(bowl(1e-6), losses=3 + np.maximum(0, np.log10(BOWL / 0.01)))
    assert "no rate lowered" in note_edges(flat)[0]
    assert flat.highest_good == pytest.approx(0.01, rel=0.7)


def test_smoothing_is_a_weighted_mean_of_nearby_losses() -> None:
    losses = np.random.default_rng(0).normal(size=len(BOWL))
    found = smooth_losses(BOWL, losses)
    for at in (0, 60, 120):
        near = np.exp(-0.5 * (np.log10(BOWL / BOWL[at]) / range_test.SMOOTHING) ** 2)
        assert found[at] == pytest.approx(np.average(losses, weights=near))
    assert smooth_losses(BOWL, np.full(len(BOWL), 2.5)) == pytest.approx(2.5)


def test_a_text_that_is_too_small_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with refused("text"):
        find_learning_rate(configure(tmp_path / "a.txt"))
