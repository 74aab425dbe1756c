"""From lines of metrics to points of a figure: means by their definition, and a frame that shows what matters."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.baselines import Baseline, Baselines
from charloop.checkpoint import RunFolder
from charloop.config import DataConfig, RunConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.figures import Curves, Line, read_curves
from charloop.figures.curves import Frame, frame_curves, label_baselines, thin_line
from charloop.figures.runs import MAX_POINTS, moving_mean


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.integers(1, 50))
def test_a_moving_mean_is_the_mean_of_what_is_around(values: list[float], width: int) -> None:
    found = moving_mean(np.array(values), width)
    for index, mean in enumerate(found):
        around = values[max(0, index - (width - 1) // 2) : index + width // 2 + 1]
        assert mean == pytest.approx(sum(around) / len(around), abs=1e-9)


def test_thinning_keeps_the_ends() -> None:
    long = Line(np.arange(10_000.0), np.arange(10_000.0) * 2)
    short = thin_line(long, MAX_POINTS)
    assert len(short.x) == MAX_POINTS
    assert (short.x[0], short.x[-1]) == (0, 9999)
    assert (short.y == short.x * 2).all()
    assert thin_line(short, MAX_POINTS) is short


def folder_of(path: Path, steps: int, *evaluations: tuple[int, float, float]) -> RunFolder:
    config = RunConfig(DataConfig(("a",), batch_size=3, seq_length=5))
    run = RunFolder(path, config, Vocabulary.of_text("ab"), {})
    lines = [{"kind": "step", "step": n, "loss": 4.0 / n} for n in range(1, steps + 1)]
    records = [{"kind": "evaluation", "step": s, "loss": x, "elapsed": t} for s, x, t in evaluations]
    run.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, *records]))
    return run


def test_what_is_on_the_x_axis(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 8, (4, 1.5, 60.0), (6, 1.0, 150.0))
    steps = read_curves(folder, "a", "steps", 1)
    assert steps.training.x.tolist() == [*range(1, 9)]
    assert steps.training.y == pytest.approx([4.0 / n for n in range(1, 9)])
    assert (steps.validation.x.tolist(), steps.validation.y.tolist()) == ([4, 6], [1.5, 1.0])
    assert steps.baselines is None
    characters = read_curves(folder, "a", "characters", 1)
    assert characters.training.x.tolist() == [15 * n for n in range(1, 9)]
    assert characters.validation.x.tolist() == [60, 90]
    minutes = read_curves(folder, "a", "minutes", 1)
    assert minutes.training.x == pytest.approx([0.25, 0.5, 0.75, 1, 1.75, 2.5])
    assert minutes.validation.x == pytest.approx([1, 2.5])


def test_a_mean_is_over_a_fiftieth_or_as_many_steps_as_asked_for(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 200)
    values = np.array([4.0 / n for n in range(1, 201)])
    for asked, width in ((0, 4), (1, 1), (7, 7), (10**12, 200)):
        assert read_curves(folder, "a", "steps", asked).training.y == pytest.approx(
            moving_mean(values, width)
        )


def test_minutes_of_a_run_without_evaluations(tmp_path: Path) -> None:
    with pytest.raises(CharloopError, match="has no evaluation"):
        read_curves(folder_of(tmp_path, 8), "a", "minutes")


def curves(*validation: float, baselines: tuple[Baseline, ...] = ()) -> Curves:
    x = np.linspace(10, 100, len(validation))
    training = Line(np.arange(1.0, 101), np.linspace(4, validation[-1], 100))
    held = Baselines(baselines, 1, 1, 1, 1) if baselines else None
    return Curves("a", training, Line(x, np.array(validation)), held)


def test_the_frame_holds_all_but_the_beginning_and_the_next_baselines_below() -> None:
    entries = (Baseline("near", 1.4), Baseline("far", 0.1), Baseline("above", 9.0))
    run = curves(3.0, 2.0, baselines=entries)
    run.training.y[0] = 50.0
    frame = frame_curves([run])
    assert frame.left == 0
    assert 100 < frame.right < 105
    assert all(map(frame.holds, [1.4, 2.0, 3.0, *run.training.y[1:].tolist()]))
    assert not any(map(frame.holds, [0.1, 9.0, 50.0]))


def test_a_run_of_one_step_has_a_frame() -> None:
    one = Line(np.array([1.0]), np.array([2.0]))
    none = Line(np.array([]), np.array([]))
    for run in (Curves("a", one, none, None), Curves("a", none, one, None), Curves("a", one, one, None)):
        frame = frame_curves([run])
        assert frame.left < 1 < frame.right
        assert frame.holds(2.0)


@settings(deadline=None)
@given(st.lists(st.floats(0.5, 5.0), min_size=1, max_size=9), st.floats(0.01, 0.2))
def test_names_never_lie_on_each_other(losses: list[float], height: float) -> None:
    baselines = Baselines(tuple(Baseline(f"{n}", loss) for n, loss in enumerate(losses)), 1, 1, 1, 1)
    frame = Frame(0.0, 100.0, 0.0, 6.0)
    labels = list(label_baselines(baselines, [curves(3.0, 2.0)], frame, height))
    assert sorted(",".join(label.text.replace(" ", "") for label in labels).split(",")) == sorted(
        f"{n}" for n in range(len(losses))
    )
    heights = [label.nats for label in labels]
    assert all(b - a >= height * 6.0 - 1e-9 for a, b in pairwise(heights))


def test_a_name_stands_where_no_curve_is() -> None:
    baselines = Baselines((Baseline("high", 3.9), Baseline("low", 2.05)), 1, 1, 1, 1)
    labels = label_baselines(baselines, [curves(3.0, 2.0)], Frame(0.0, 100.0, 1.0, 5.0), 0.03)
    assert {label.text: label.left for label in labels} == {"high": False, "low": True}


def test_training_losses_above_the_unigram_are_cut_off_once_it_is_passed() -> None:
    unigram = Baseline("unigram", 3.0)
    passed, not_yet = curves(2.5, 2.0, baselines=(unigram,)), curves(4.0, 3.5, baselines=(unigram,))
    assert 3.0 < frame_curves([passed]).high < 3.2
    assert not_yet.training.y.max() < frame_curves([not_yet]).high
    early = curves(3.4, 2.0, baselines=(unigram,))
    assert frame_curves([early]).holds(3.4), "a validation loss is never cut off"


def test_a_frame_may_end_at_a_given_step() -> None:
    assert frame_curves([curves(3.0, 2.0)], right=144.0).right == 144.0
    frame = Frame(0.0, 1.0, 1.0, 3.0)
    assert [frame.depth(nats) for nats in (3.0, 2.0, 1.0)] == [0.0, 0.5, 1.0]
