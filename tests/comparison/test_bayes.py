"""Trials that optuna proposes."""

import math

import pytest

from charloop.comparison.search.bayes import propose
from charloop.comparison.search.space import Point, Space

pytest.importorskip("optuna")
RATE = {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0}
TABLES = {
    "learning_rate": RATE,
    "num_layers": {"min": 1, "max": 4},
    "hidden_size": {"distribution": "q_uniform", "min": 32, "max": 256, "q": 32},
    "cell_options": {"values": [["reset_after=false"], []]},
}
SPACE = Space.of({"method": "bayes", "parameters": TABLES})


def search(space: Space, seed: int, trials: int) -> tuple[list[Point], list[float]]:
    """Propose trials whose loss is the distance of the learning rate from 0.01; every fifth fails."""
    points: list[Point] = []
    losses: list[float] = []
    for number in range(trials):
        point = propose(space, seed, points, losses)
        assert point is not None
        points.append(point)
        losses.append(math.inf if number % 5 == 4 else abs(math.log10(point["learning_rate"]) + 2))
    return points, losses


def test_points_are_in_the_space_and_approach_the_best() -> None:
    points, losses = search(SPACE, 0, 30)
    for point in points:
        assert 1e-4 <= point["learning_rate"] <= 1
        assert point["num_layers"] in range(1, 5)
        assert point["hidden_size"] in range(32, 257, 32)
        assert point["cell_options"] in TABLES["cell_options"]["values"]
    found = [loss for loss in losses if math.isfinite(loss)]
    assert sum(found[-10:]) < 0.75 * sum(found[:10])


def test_a_point_depends_on_the_earlier_trials_and_the_seed_alone() -> None:
    points, losses = search(SPACE, 3, 12)
    assert propose(SPACE, 3, points[:11], losses[:11]) == points[11]
    assert propose(SPACE, 4, points[:11], losses[:11]) != points[11]


def test_a_finite_space_is_tried_once_and_ends() -> None:
    space = Space.of({"method": "bayes", "parameters": {"learning_rate": {"values": [0.1, 0.01, 0.001]}}})
    points, losses = search(space, 0, 3)
    assert sorted(point["learning_rate"] for point in points) == [0.001, 0.01, 0.1]
    assert propose(space, 0, points, losses) is None
