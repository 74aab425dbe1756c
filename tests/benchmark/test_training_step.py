"""The step that is timed is the one that trains."""

from dataclasses import replace
from unittest.mock import patch

import jax
import numpy as np
import pytest

from charloop.benchmark.speed import time_unrollings
from charloop.benchmark.training_step import StepSetting, TrainingStep, measure_seconds, select_unrollings
from charloop.config import ModelConfig
from charloop.errors import CharloopError
from charloop.model import CharLM

SETTING = StepSetting(ModelConfig(cell="rnn", num_layers=2, hidden_size=8, embed_size=8), 4, 6, 65)


def test_a_setting_names_its_network_and_counts_its_characters() -> None:
    assert str(SETTING) == "rnn, 2 x 8, batch 4, 6 characters a step"
    assert SETTING.characters == 24


def test_a_network_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(CharloopError, match="unknown cell: got 'lsmt'"):
        StepSetting(ModelConfig(cell="lsmt"), 4, 6, 65)


def test_a_call_makes_the_updates_that_it_is_asked_for() -> None:
    step = TrainingStep(SETTING, "scan", updates_per_call=3)
    assert step.trace_seconds > 0
    assert step.compile_seconds > 0
    before = jax.device_get(step.state)
    assert step.time_call(2) > 0
    step.time_call()
    after = jax.device_get(step.state)
    assert int(after.step) - int(before.step) == 3
    weights = zip(jax.tree.leaves(before.params), jax.tree.leaves(after.params), strict=True)
    assert not all(np.array_equal(old, new) for old, new in weights)


def test_documents_end_in_each_row_at_another_place() -> None:
    setting = replace(SETTING, vocab_size=5)
    with patch.object(CharLM, "build", wraps=CharLM.build) as build:
        step = TrainingStep(setting, "scan", document_length=2)
    assert build.call_args.args[1:] == (5, 4), "the model knows the end symbol"
    (text,) = step.inputs[0]
    assert text.shape == (7, 4)
    ends = [np.flatnonzero(row == 4).tolist() for row in text.T]
    assert ends == [[0, 3, 6], [2, 5], [1, 4], [0, 3, 6]]
    assert step.time_call() > 0


def test_measured_work_keeps_its_result() -> None:
    seconds, result = measure_seconds(lambda: "result")
    assert seconds >= 0
    assert result == "result"


def test_unrollings_are_chosen_by_name() -> None:
    assert select_unrollings(SETTING, ["scan", "fused"]) == ["scan", "fused"]
    with pytest.raises(CharloopError, match="unknown unrolling: got 'scna'"):
        select_unrollings(SETTING, ["scan", "scna"])


def test_unrollings_are_timed_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Step:
        trace_seconds, compile_seconds = 1.0, 2.0

        def __init__(self, _: StepSetting, unrolling: str) -> None:
            self.unrolling = unrolling

        def time_call(self) -> float:
            calls.append(self.unrolling)
            return float(len(calls))

    monkeypatch.setattr("charloop.benchmark.speed.TrainingStep", Step)
    scan, fused = time_unrollings(SETTING, ["scan", "fused"], repeats=3)
    assert calls == ["scan", "fused"] * 4, "the first call of each is not counted"
    assert (scan.unrolling, scan.trace, scan.compile, scan.steps) == ("scan", 1.0, 2.0, [3.0, 5.0, 7.0])
    assert (fused.unrolling, fused.steps, fused.median) == ("fused", [4.0, 6.0, 8.0], 6.0)
