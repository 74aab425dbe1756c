"""Runs and cells in order of their losses, and the comparison as plain values."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.comparison import (
    CellScores,
    RunScore,
    cells_record,
    group_by_cell,
    rank_cells,
    rank_runs,
    runs_record,
)
from charloop.comparison.cells import mean_losses
from charloop.comparison.planned import PlannedRun
from charloop.comparison.sweep import Sweep
from charloop.config import ModelConfig, RunConfig, TrainingConfig
from charloop.data import Corpus, Vocabulary
from charloop.evaluation import Score, paired_difference
from charloop.training.metrics import History

LENGTH = 700
NOTHING = np.zeros(0)
CORPUS = Corpus.of_tokens(np.zeros(3, int), Vocabulary.of_text("a"))


def history(losses: list[float]) -> History:
    """Evaluations after 10, 20, ... updates, a second apart."""
    steps = 10 * np.arange(1, len(losses) + 1)
    return History(
        steps, np.array(losses), steps, np.array(losses), np.arange(1.0, len(losses) + 1), chunk=10
    )


def scored(name: str, loss: float, evaluations: tuple[float, ...] = (3.0, 2.0)) -> RunScore:
    each = (loss + 0.1 * np.random.default_rng(len(name)).normal(size=LENGTH)).astype(np.float32)
    return RunScore(name, Score(loss * LENGTH, LENGTH, None, each), 99, 20, history([*evaluations]))


@settings(deadline=None)
@given(st.lists(st.sampled_from([1.0, 1.5, 2.0, math.nan, math.inf]), min_size=1, max_size=5))
def test_runs_are_sorted_by_loss_with_those_without_a_number_last(losses: list[float]) -> None:
    entries = [scored("x" * (number + 1), loss) for number, loss in enumerate(losses)]
    best, *others = rank_runs(entries)
    ranked = [one.score.loss for one in (best, *others)]
    finite = sorted(loss for loss in losses if math.isfinite(loss))
    assert ranked[: len(finite)] == finite
    assert not any(map(math.isfinite, ranked[len(finite) :]))
    assert best.behind is None
    for one in others:
        assert one.behind == paired_difference(one.score.per_character, best.score.per_character)


def test_runs_as_plain_values_are_json_without_nan() -> None:
    entries = rank_runs([scored("odd", math.nan), scored("near", 1.1), scored("best", 1.0)])
    made = runs_record("a text", ["a note", "another"], entries, to_loss=2.5)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert (made["best"], made["characters"], made["notes"]) == ("best", LENGTH, ["a note", "another"])
    assert [one["nats_per_character"] for one in made["runs"]] == [1.0, pytest.approx(1.1), None]
    assert [one["difference_to_best"] is None for one in made["runs"]] == [True, False, True]
    assert [(one["steps_to_loss"], one["seconds_to_loss"]) for one in made["runs"]] == [(20, 2.0)] * 3
    assert made["runs"][1]["difference_to_best"]["nats_per_character"] == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("to_loss", [None, 0.5])
def test_a_loss_that_is_not_reached_or_not_asked_for_has_no_steps(to_loss: float | None) -> None:
    (one,) = runs_record("a text", [], [scored("best", 1.0)], to_loss)["runs"]
    assert one["steps_to_loss"] is one["seconds_to_loss"] is None


def planned(*pairs: tuple[str, int]) -> Sweep:
    """A sweep of runs with these cells and seeds."""
    runs = (
        PlannedRun(Path(), RunConfig(model=ModelConfig(cell=cell), training=TrainingConfig(seed=seed)))
        for cell, seed in pairs
    )
    return Sweep(Path(), CORPUS, tuple(runs), None)


def test_runs_of_a_sweep_are_grouped_by_cell_in_the_order_of_seeds() -> None:
    entries = [scored(name, loss) for name, loss in (("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0))]
    groups = group_by_cell(planned(("gru", 5), ("lstm", 5), ("gru", 6), ("lstm", 6)), entries)
    assert [(group.name, group.seeds, [one.name for one in group.entries]) for group in groups] == [
        ("gru", (5, 6), ["a", "c"]),
        ("lstm", (5, 6), ["b", "d"]),
    ]
    with pytest.raises(ValueError, match="zip"):
        group_by_cell(planned(("gru", 5)), entries)


def test_a_cell_is_behind_the_best_by_the_mean_of_its_seeds() -> None:
    near = CellScores("near", (0, 1), (scored("a", 1.2), scored("bb", 1.4)))
    best = CellScores("best", (0, 1), (scored("ccc", 1.1), scored("dddd", 1.1)))
    first, second = rank_cells([near, best])
    assert (first.name, first.behind, first.on_text) == ("best", None, None)
    assert second.behind is not None
    assert (second.behind.mean, second.behind.count) == (pytest.approx(0.2), 2)
    both = (mean_losses(one) for one in (near, best))
    assert second.on_text == paired_difference(*both)
    expected = (near.entries[0].score.per_character + near.entries[1].score.per_character.astype(float)) / 2  # type: ignore[operator,union-attr]
    np.testing.assert_allclose(mean_losses(near), expected)


def test_cells_as_plain_values_count_only_the_seeds_that_reached_the_loss() -> None:
    group = CellScores("gru", (3, 4), (scored("a", 1.0, (2.0, 1.0)), scored("bb", 1.2, (3.0, 2.5))))
    (one,) = cells_record("a text", [], rank_cells([group]), to_loss=2.0)["cells"]
    assert (one["seeds_that_came_to_loss"], one["steps_to_loss"], one["seconds_to_loss"]) == (1, 10, 1.0)
    assert [run["seed"] for run in one["runs"]] == [3, 4]
    assert "difference_to_best" not in one["runs"][0]
    (without,) = cells_record("a text", [], rank_cells([group]), to_loss=None)["cells"]
    assert without["seeds_that_came_to_loss"] is without["steps_to_loss"] is None


def test_the_pace_of_a_cell_is_the_mean_of_the_runs_whose_pace_is_known() -> None:
    fast = scored("a", 1.0)
    unknown = fast._replace(
        history=History(NOTHING.astype(int), NOTHING, NOTHING.astype(int), NOTHING, NOTHING, 10)
    )
    assert fast.history.pace
    assert unknown.history.pace is None
    assert CellScores("gru", (0, 1), (fast, unknown)).pace == fast.history.pace
    assert CellScores("gru", (0,), (unknown,)).pace is None


def test_the_best_cell_is_the_first_of_equals() -> None:
    one, two = (CellScores(name, (0,), (scored("a", 1.0),)) for name in ("one", "two"))
    assert [group.name for group in rank_cells([one, two])] == ["one", "two"]
    assert [group.name for group in rank_cells([two, one])] == ["two", "one"]
