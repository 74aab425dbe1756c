"""A run that was killed at any moment and resumed equals one that was not: in all files, with real processes.

A single kill is in `test_signals.py`, in the quick suite.
"""

from pathlib import Path
from typing import Any

import pytest

from training.kills import Killer, differing, left_by, lines_in_order
from training.runs import configure

STEPS = 1500
"""Of 31 chunks per epoch: most kills are in the middle of an epoch."""
KILLS = 40
"""Least number in each case."""
CASES: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru", "dropout_kind": "variational"},
    "lstm, frequent checkpoints": {"cell": "lstm", "save_every": 37},
    "ln-lstm, two devices": {"cell": "ln-lstm", "devices": 2},
    "nas": {"cell": "nas"},
    "lstm, averaged": {"average_after": 2, "learning_rate": 0.1},
    "lstm, stops early": {"cell": "lstm", "patience": 3, "learning_rate": 0.2, "eval_every": 30},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_run_killed_many_times_ends_like_one_that_was_never_killed(
    tmp_path: Path, text: Path, name: str
) -> None:
    config = configure(text, **{"steps": STEPS, "eval_every": 75, "sample_every": 3} | CASES[name])
    killer = Killer.of(config, tmp_path, seed=len(str(CASES[name])))
    whole = killer.undisturbed(tmp_path / "whole")
    expected, number = left_by(whole), 0
    assert lines_in_order(whole)
    while not killer.enough(KILLS):
        made = killer.until_finished(tmp_path / f"run-{number}", share=0.4, kills=KILLS)
        assert differing(left_by(made), expected) == []
        number += 1
    print(f"\n{name}: {killer.kills} kills, at {', '.join(sorted(set(killer.died_at)))}")
