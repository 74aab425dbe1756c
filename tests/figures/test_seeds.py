"""Several runs as one curve: means and ranges by their definition, where all of them were looked at."""

import numpy as np
import pytest

from charloop.figures import Curves, Line, average_runs


def run(x: list[float], y: list[float]) -> Curves:
    line = Line(np.array(x, float), np.array(y, float))
    return Curves("", line, line, None)


def test_the_mean_and_the_range() -> None:
    found = average_runs(
        "gru", [run([1, 2, 3], [3, 2, 1]), run([1, 2, 3], [5, 2, 3]), run([1, 2, 3], [1, 5, 2])]
    )
    assert found.name == "gru"
    assert found.validation.x.tolist() == found.training.x.tolist() == [1, 2, 3]
    assert found.validation.y == pytest.approx([3, 3, 2])
    assert found.training.y == pytest.approx([3, 3, 2])
    assert found.band is not None
    assert (found.band.low.tolist(), found.band.high.tolist()) == ([1, 2, 1], [5, 5, 3])


def test_other_steps_are_met_on_the_straight_line_and_nothing_is_invented_beyond_the_ends() -> None:
    found = average_runs("gru", [run([0, 4], [4, 0]), run([1, 3, 9], [1, 1, 0])])
    assert found.validation.x.tolist() == [1, 3, 4]
    assert found.validation.y == pytest.approx([2, 1, (0 + 5 / 6) / 2])


def test_runs_that_were_never_evaluated_have_no_band() -> None:
    none = Line(np.zeros(0), np.zeros(0))
    training = Line(np.array([1.0, 2.0]), np.array([3.0, 2.0]))
    found = average_runs("gru", [Curves("", training, none, None)] * 2)
    assert found.band is None
    assert (len(found.validation.x), found.training.y.tolist()) == (0, [3, 2])
