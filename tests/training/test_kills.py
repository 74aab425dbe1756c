"""A run that was killed at any moment and resumed equals one that was not: in all files, with real processes."""

from pathlib import Path
from typing import Any

import pytest

from training.kills import Killer, differing, left_by, lines_in_order
from training.runs import configure

STEPS = 1500
"""Of 31 chunks per epoch: most kills are in the middle of an epoch."""
KILLS = 40
"""Least number in each case of the slow suite."""
CASES: dict[str, dict[str, Any]] = {
    "rnn": {"cell": "rnn"},
    "gru": {"cell": "gru", "dropout_kind": "variational"},
    "lstm, frequent checkpoints": {"cell": "lstm", "save_every": 37},
    "ln-lstm, two devices": {"cell": "ln-lstm", "devices": 2},
    "nas": {"cell": "nas"},
    "lstm, stops early": {"cell": "lstm", "patience": 3, "learning_rate": 0.2, "eval_every": 30},
}


def kill(tmp_path: Path, text: Path, kills: int, share: float, **settings: Any) -> Killer:
    """Kill a run at least N times; it ends like one that was never killed."""
    config = configure(text, **{"steps": STEPS, "eval_every": 75, "sample_every": 3} | settings)
    killer = Killer.of(config, tmp_path, seed=len(str(settings)))
    whole = killer.undisturbed(tmp_path / "whole")
    expected, number = left_by(whole), 0
    assert lines_in_order(whole)
    while not killer.enough(kills):
        made = killer.until_finished(tmp_path / f"run-{number}", share, kills)
        assert differing(left_by(made), expected) == []
        number += 1
    return killer


def test_a_handful_of_kills(tmp_path: Path, text: Path) -> None:
    kill(tmp_path, text, kills=2, share=0.5, steps=300)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_hundreds_of_kills(tmp_path: Path, text: Path, name: str) -> None:
    killer = kill(tmp_path, text, KILLS, share=0.4, **CASES[name])
    print(f"\n{name}: {killer.kills} kills, at {', '.join(sorted(set(killer.died_at)))}")
