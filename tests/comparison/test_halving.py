"""Successive halving, and how much each setting matters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from charloop.comparison.planned import RunState
from charloop.comparison.search.halving import find_best, plan_rungs
from charloop.comparison.search.importance import bin_values, rank, rate_importance
from charloop.comparison.search.trials import TrialState

LOSSES = st.lists(st.one_of(st.none(), st.integers(0, 5).map(float)), max_size=12)


@pytest.mark.parametrize(
    ("trials", "rungs"),
    [
        (1, [(1, 1)]),
        (2, [(1, 2)]),
        (3, [(1 / 3, 3), (1, 1)]),
        (8, [(1 / 3, 8), (1, 2)]),
        (9, [(1 / 9, 9), (1 / 3, 3), (1, 1)]),
        (20, [(1 / 9, 20), (1 / 3, 6), (1, 2)]),
        (100, [(1 / 9, 100), (1 / 3, 33), (1, 11)]),
    ],
)
def test_the_parts_of_the_budget(trials: int, rungs: list[tuple[float, int]]) -> None:
    assert plan_rungs(trials, halving=True) == rungs
    assert plan_rungs(trials, halving=False) == [(1, trials)]


@given(LOSSES, st.integers(1, 12))
def test_the_best_go_on(losses: list[float | None], count: int) -> None:
    chosen = find_best(dict(enumerate(losses)), count)
    left = {number: loss for number, loss in enumerate(losses) if loss is not None}
    slow = []
    while left and len(slow) < count:
        best = min(left, key=lambda number: left[number])  # of equal ones, the first
        slow.append(best)
        del left[best]
    assert chosen == sorted(slow)


def test_the_loss_at_a_part_of_the_budget() -> None:
    nan = float("nan")
    state = TrialState(losses=((0.1, 3.0), (0.2, nan), (0.4, 3.5), (0.6, 2.0)))
    assert [state.loss_at(share) for share in (0.05, 0.1, 0.2, 0.3, 0.6, 1)] == [3, 3, 3, 3, 2, 2]
    assert [state.is_past(share) for share in (0.1, 0.6, 0.7, 1)] == [True, True, False, False]
    assert TrialState(losses=((0.1, nan),)).loss_at(0.1) is None
    assert TrialState(losses=state.losses, failure="diverged").loss_at(0.1) is None
    # With a budget in minutes, the last evaluation may end beyond it, before the run itself has ended.
    assert not TrialState(losses=((1.0, 3.0),)).is_past(1)
    assert TrialState(RunState(None, is_over=True)).is_past(1)


@given(st.lists(st.one_of(st.integers(0, 4).map(float), st.just(np.inf)), min_size=1, max_size=9))
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert rank(np.array(values)).tolist() == stats.rankdata(values).tolist()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 9)), min_size=5, max_size=20))
def test_importance_is_the_corrected_share_of_an_analysis_of_variance(
    trials: list[tuple[str, float]],
) -> None:
    points, losses = [{"cell": name} for name, _ in trials], [loss for _, loss in trials]
    found = rate_importance(["cell"], points, losses)["cell"]
    ranks = stats.rankdata(losses)
    groups = [ranks[[name == one for name, _ in trials]] for one in "abc"]
    groups = [group for group in groups if len(group)]
    if len(groups) < 2:
        assert found is None
        return
    total = ((ranks - ranks.mean()) ** 2).sum()
    if total == 0:
        assert found == 0
        return
    between = sum(len(group) * (group.mean() - ranks.mean()) ** 2 for group in groups)
    by_chance = (len(groups) - 1) * (total - between) / (len(trials) - len(groups))
    assert found == pytest.approx(max(0, (between - by_chance) / total), abs=1e-9)


def test_a_setting_that_decides_all_and_one_that_decides_nothing() -> None:
    points = [{"learning_rate": i / 60, "beta1": (i * 37 % 60) / 60, "cell": "gru"} for i in range(60)]
    # As with learning rates, the best is in the middle.
    losses = [abs(point["learning_rate"] - 0.5) for point in points]
    found = rate_importance(["learning_rate", "beta1", "cell"], points, losses)
    assert (found["learning_rate"] or 0) > 0.6
    assert (found["beta1"] or 0) < 0.1
    assert found["cell"] is None


def test_failures_rank_last_and_too_few_trials_tell_nothing() -> None:
    points = [{"x": value} for value in (1, 1, 2, 2)]
    assert rate_importance(["x"], points, [1.0, 1.1, np.inf, np.inf])["x"] == pytest.approx(0.9, abs=0.1)
    assert rate_importance(["x"], points[1:3], [1.0, 2.0]) == {"x": None}


def test_numbers_are_divided_into_three_bins_of_equal_size_and_few_values_stay_apart() -> None:
    assert np.bincount(bin_values([*range(30)])).tolist() == [10, 10, 10]
    assert len({*bin_values([0.1, 0.2, 0.1, 0.3]).tolist()}) == 3
    assert len({*bin_values([True, False, 1, "a", [1]]).tolist()}) == 5
