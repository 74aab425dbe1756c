"""Stopped and resumed is never stopped: the same lines, the same bits, wherever it stopped and however."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import RunFolder, load_tensors, save_tensors
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.evaluation import Score
from training.runs import (
    CHUNKS,
    TEXT,
    Run,
    assert_identical,
    at_step,
    configure,
    go_on,
    run,
)

STEPS = 40


class CrashError(Exception):
    """What no one catches."""


def crash() -> None:
    raise CrashError


def steps_of(made: Run) -> list[dict]:
    return [line for line in made.lines if line["kind"] == "step"]


def evaluations_of(made: Run, every: int = 10) -> list[dict]:
    """Those that are due in any case; to be stopped adds one."""
    found = [line for line in made.lines if line["kind"] == "evaluation"]
    return [line for line in found if line["step"] % every == 0]


def assert_never_stopped(made: Run, whole: Run) -> None:
    assert steps_of(made) == steps_of(whole)
    assert evaluations_of(made) == evaluations_of(whole)
    assert_identical(made.state, whole.state)


def plan(text: Path, **settings) -> RunConfig:
    return configure(text, steps=STEPS, eval_every=10, **settings)


@pytest.mark.parametrize(
    ("stop", "number"), [(5, signal.SIGINT), (CHUNKS - 1, signal.SIGTERM), (CHUNKS + 1, signal.SIGINT)]
)
def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(
    tmp_path: Path, text: Path, whole: Run, stop: int, number: int
) -> None:
    """In the middle of an epoch, at its end and just after; by Ctrl-C, and as a machine that shuts down asks."""
    first = run(tmp_path / "run", plan(text), at_step(stop, lambda: os.kill(os.getpid(), number)))
    assert first.finished.reason == "interrupted"
    assert stop <= first.finished.step < STEPS
    second = go_on(first.folder)
    assert second.started.resumed_at == first.finished.step == second.steps[0].step - 1
    assert_never_stopped(second, whole)


def test_on_two_devices_too(tmp_path: Path, text: Path) -> None:
    config = configure(text, steps=20, eval_every=10, devices=2)
    never_stopped = run(tmp_path / "whole", config)
    run(tmp_path / "run", config, at_step(5, lambda: os.kill(os.getpid(), signal.SIGINT)))
    made = go_on(tmp_path / "run")
    assert 5 <= made.started.resumed_at < 20
    assert made.started.devices == 2
    assert_never_stopped(made, never_stopped)


def test_a_longer_budget_goes_on_as_if_it_had_been_there_from_the_start(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    config = configure(text, steps=20, eval_every=10)
    first = run(tmp_path / "run", config)
    longer = replace(first.started.config, training=replace(first.started.config.training, steps=STEPS))
    assert_never_stopped(go_on(first.folder, longer), whole)
    assert RunFolder.open(first.folder).config.training.steps == STEPS


@pytest.mark.parametrize("save_every", [0, 7])
def test_after_a_crash_the_lines_since_the_last_save_are_not_there_twice(
    tmp_path: Path, text: Path, whole: Run, save_every: int
) -> None:
    crashed = Run(tmp_path / "run")
    with pytest.raises(CrashError):
        run(crashed.folder, plan(text, save_every=save_every), at_step(27, crash))
    assert max(line["step"] for line in crashed.lines) >= 27
    second = go_on(crashed.folder)
    assert second.started.resumed_at == (21 if save_every else 20)
    assert second.lines == whole.lines
    assert_identical(second.state, whole.state)
    assert_identical(second.best, whole.best)


def test_a_half_written_line_is_forgotten(tmp_path: Path, text: Path, whole: Run) -> None:
    with pytest.raises(CrashError):
        run(tmp_path / "run", plan(text), at_step(13, crash))
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write('{"kind": "step", "st')
    assert go_on(tmp_path / "run").lines == whole.lines


@pytest.mark.parametrize("line", ["nonsense\n", "[1]\n", "\0\0\0\n", '{"kind": "step", "step": "x"}\n'])
def test_a_damaged_line_is_no_reason_not_to_go_on(tmp_path: Path, whole: Run, line: str) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write(line)
    assert go_on(tmp_path / "run").lines == whole.lines


def test_to_resume_a_run_that_is_over_adds_nothing(tmp_path: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    again = go_on(tmp_path / "run")
    assert (again.steps, again.evaluations) == ([], [])
    assert again.finished.step == STEPS
    assert again.finished.best == whole.finished.best
    assert again.lines == whole.lines


def test_another_rate_on_the_way_keeps_the_moments(tmp_path: Path, text: Path) -> None:
    """torch-rnn's trap: here the first update at the new rate is the old one's, longer."""
    first = run(tmp_path / "run", configure(text, steps=20, warmup_steps=0))
    before, moments = first.last, first.state
    training = replace(first.started.config.training, steps=21)
    moved = {}
    for rate in (0.02, 0.06):
        shutil.copytree(first.folder, tmp_path / str(rate))
        changed = replace(first.started.config, training=replace(training, learning_rate=rate))
        moved[rate] = go_on(tmp_path / str(rate), changed).last["readout.weight"] - before["readout.weight"]
    assert any(name.endswith("mu/readout.weight") and values.any() for name, values in moments.items())
    assert moved[0.06] == pytest.approx(3 * moved[0.02], abs=1e-6)
    assert abs(moved[0.02]).max() > 1e-4


def test_the_best_so_far_is_remembered(tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([Score(10.0, 10), *[Score(20.0, 10)] * 9])
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_: next(scores))
    first = run(tmp_path / "run", configure(text, steps=20, eval_every=10, patience=3))
    best = first.best
    longer = replace(first.started.config, training=replace(first.started.config.training, steps=80))
    second = go_on(first.folder, longer)
    assert [event.is_best for event in second.evaluations] == [False, False]
    assert second.finished.reason == "no better for 3 evaluations"
    assert (second.finished.best_step, second.finished.step) == (10, 40)
    assert_identical(second.best, best)


def test_a_text_that_changed_is_refused_and_the_run_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    made = run(tmp_path / "run", configure(text, steps=3))
    before = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    text.write_text(TEXT[::-1])
    with pytest.raises(CharloopError, match=r"has changed since the run began.*--init-from"):
        go_on(made.folder)
    assert {path: path.read_bytes() for path in before} == before


def test_the_training_state_of_another_network_is_refused_by_name(tmp_path: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    path = tmp_path / "run" / "training_state.safetensors"
    tensors, metadata = load_tensors(path)
    save_tensors(path, tensors | {"params/readout.bias": np.zeros(12, np.float32)}, metadata)
    with pytest.raises(
        CharloopError, match=r"run/training_state\.safetensors is not of this run.*readout.*; "
    ):
        go_on(tmp_path / "run")


def test_the_elapsed_time_of_all_sittings_counts(tmp_path: Path, text: Path) -> None:
    first = run(tmp_path / "run", configure(text, steps=3))
    facts = json.loads(json.dumps(RunFolder.open(first.folder).load_state()[1]))
    assert facts["elapsed"] > 0
    assert go_on(first.folder).finished.elapsed >= facts["elapsed"]
