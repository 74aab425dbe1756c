"""What a comparison over seeds says, in words and for programs, of losses that are made up."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest

from charloop.cli.terminal.comparison_tables import cell_lines, cell_verdict
from charloop.comparison import CellScores, RunScore, cells_record, rank_cells
from charloop.evaluation import Score
from charloop.training.metrics import History


def history(*evaluations: tuple[int, float, float]) -> History:
    steps, losses, seconds = zip(*evaluations, strict=True)
    numbers, nats = np.array(steps), np.array(losses, float)
    return History(numbers, nats, numbers, nats, np.array(seconds, float), chunk=10)


def group(name: str, losses: Sequence[float], chance: int = 0) -> CellScores:
    """A cell with these losses over seeds; each run has an evaluation that is 1.0 higher, then the last."""
    noise = np.random.default_rng(chance)
    entries = []
    for loss in losses:
        each = (loss + 0.1 * noise.normal(size=700)).astype(np.float32)
        course = (
            history((5, loss + 1, 2.0), (10, loss, 4.0)) if math.isfinite(loss) else history((10, 9.0, 4.0))
        )
        entries.append(RunScore(f"{name}-x", Score(loss * 700.0, 700, None, each), 1234, 10, course))
    return CellScores(name, tuple(range(len(losses))), tuple(entries))


def test_the_best_mean_is_first_and_nan_last() -> None:
    groups = rank_cells([group("odd", [1, math.nan]), group("slow", [2, 2.2]), group("fast", [1, 1.8])])
    assert [g.name for g in groups] == ["fast", "slow", "odd"]
    assert groups[0].behind is None
    assert groups[1].behind is not None
    assert groups[1].behind.mean == pytest.approx(0.7)
    assert groups[1].behind.deviation == pytest.approx(abs(1.0 - 0.4) / 2**0.5)
    assert (
        json.loads(json.dumps(cells_record("t", [], groups, 1.5), allow_nan=False))["cells"][2]["runs"][1][
            "nats_per_character"
        ]
        is None
    )


def test_the_verdict_names_whom_the_seeds_cannot_tell_it_from() -> None:
    near, far = group("near", [1.2, 1.1, 1.4]), group("far", [3.0, 3.1, 3.2])
    best = group("best", [1.0, 1.3, 1.1])
    assert cell_verdict(rank_cells([best, far])) == "best     best"
    assert (
        cell_verdict(rank_cells([best, near]))
        == "best     best; not significantly better than near at 5 % with 3 seeds"
    )
    three = cell_verdict(rank_cells([far, near, best]))
    assert three.endswith("(each p is for one pair: with 3 cells, require p < 0.025)")
    assert cell_verdict(rank_cells([best])) == "best     best, the only one"
    assert cell_verdict(rank_cells([group("a", [math.nan, 1]), group("b", [math.inf, 1])])).startswith(
        "best     none"
    )


@pytest.mark.parametrize(("width", "blocks"), [(400, 1), (100, 2), (80, 3)])
def test_the_table_for_people(width: int, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    groups = rank_cells([group("gru", [1.0, 1.2]), group("lstm", [1.5, 1.6], chance=1)])
    out = list(cell_lines("val part of book", ["a note"], groups, 1.05))
    assert max(map(len, out)) <= width
    # Rows of one cell, in as many pieces as there are tables.
    gru, lstm = (
        [word for line in out if line.startswith(f"{name} ") for word in line.split()]
        for name in ("gru", "lstm")
    )
    assert gru.count("gru") == lstm.count("lstm") == blocks
    gru, lstm = ([word for word in row if word not in ("gru", "lstm")] for row in (gru, lstm))
    # t of one degree of freedom is 12.7062 at 95 %.
    assert gru[:5] == ["1.1000", "0.1414", "-0.1706", "to", "2.3706"]
    assert lstm[5:9] == ["0.4500", "-0.1853", "to", "1.0853"]
    assert lstm[9:11] == ["0.0704", "<0.0001"]
    assert gru[9:] == ["1,234", "25", "10", "0:04", "(1", "of", "2)"]
    assert "note     a note" in out
