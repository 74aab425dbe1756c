"""Averaged weights: their mean is that of a slow twin, the weights do not notice, and the better of both is saved."""

import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from charloop.checkpoint import load_tensors
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.trained import load
from charloop.training.averaging import Evaluation
from charloop.training.events import Noted
from charloop.training.update_guard import FINE, NOT_FINITE
from charloop.training.verification import Repetition
from refusing import refused
from training.runs import Run, assert_identical, at_step, configure, newest_checkpoint, resume_recorded, run

PLAN: dict[str, Any] = {"steps": 12, "eval_every": 3, "sample_every": 1, "keep_checkpoints": 1000}
KINDS: dict[str, dict[str, Any]] = {"decay": {"average_decay": 0.5}, "after": {"average_after": 1}}
BEGINS = 6
"""Step of the first evaluation that is no better, as `scores` has it."""


def part(state: dict[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(name): value for key, value in state.items() if key.startswith(name)}


def averages(made: Run) -> dict[str, np.ndarray]:
    return part(made.state, "average/weights/")


def each_state(made: Run) -> list[dict[str, np.ndarray]]:
    """The state before the first update, and after each."""
    return [load_tensors(path)[0] for path in sorted((made.folder / "checkpoints").iterdir())]


def scores(*losses: float) -> Callable[..., Score]:
    """Stand in for `Evaluator.score`."""
    script = iter(losses)
    return lambda *_, **__: Score(next(script) * 10, 10)


def twin_decay(states: list[dict[str, np.ndarray]], decay: float) -> list[dict[str, Any]]:
    """The average after each of the `states`, weight by weight in float64; states of skipped updates are left out."""
    made = [{name: np.float64(value) for name, value in states[0].items()}]
    for n, params in enumerate(states[1:]):
        keep = min(decay, (1 + n) / (10 + n))
        made.append({name: keep * made[-1][name] + (1 - keep) * params[name] for name in params})
    return made


def close(got: dict[str, np.ndarray], expected: dict[str, Any]) -> None:
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-6)


def test_a_moving_average_is_the_twins_without_skipped_updates_and_frozen_parts_stay(
    tmp_path: Path,
    text: Path,
    monkeypatch: pytest.MonkeyPatch,
    separate_programs: Callable[[str], None],
) -> None:
    def third_is_not_finite(_: Any, health: Any, **__: Any) -> Any:
        return jnp.where(health.seen + health.skipped == 2, NOT_FINITE, FINE)

    monkeypatch.setattr("charloop.training.step.judge_update", third_is_not_finite)
    separate_programs("the third update is skipped")
    made = run(tmp_path / "run", configure(text, **PLAN, **KINDS["decay"], save_every=1, freeze="layer1"))
    assert [step.step for step in made.steps if step.skipped] == [3]
    states = each_state(made)
    assert_identical(part(states[2], "average/"), part(states[3], "average/"))
    del states[3]
    twin = twin_decay([part(state, "params/") for state in states], 0.5)
    for n, (state, expected) in enumerate(zip(states, twin, strict=True)):
        close(part(state, "average/weights/"), expected)
        assert state["average/count"] == n
    frozen = {name: value for name, value in made.last.items() if name.endswith("_l1")}
    assert frozen
    assert_identical(frozen, {name: averages(made)[name] for name in frozen})


def test_a_triggered_average_is_the_mean_since_the_first_evaluation_that_was_no_better(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, it follows the weights; from then on, evaluations score both, and the better one is saved."""
    script = scores(3.0, 4.0, 5.0, 2.0, 1.0, 2.5)
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", script)
    config = configure(text, **PLAN, **KINDS["after"], save_every=1, patience=1)
    made = run(tmp_path / "run", config)
    states = each_state(made)
    weights = [part(state, "params/") for state in states]
    for step, state in enumerate(states):
        if step <= BEGINS:
            close(part(state, "average/weights/"), weights[step])
            assert state["average/count"] == (step == BEGINS)
        else:
            since = weights[BEGINS : step + 1]
            mean = {name: np.mean([np.float64(one[name]) for one in since], axis=0) for name in since[0]}
            close(part(state, "average/weights/"), mean)
            assert state["average/count"] == len(since)
    assert [event.is_averaged for event in made.evaluations] == [False, False, True, False]
    assert [event.score.loss for event in made.evaluations] == [3.0, 4.0, 2.0, 1.0]
    both = ("loss", "weights_loss", "average_loss", "average_begins")
    lines = [line for line in made.lines if line["kind"] == "evaluation"]
    assert [tuple(map(line.get, both)) for line in lines] == [
        (3.0, None, None, None),
        (4.0, None, None, True),
        (2.0, 5.0, 2.0, None),
        (1.0, 1.0, 2.5, None),
    ]
    assert "from here on, the weights are averaged" in made.heard(Noted)[0].text
    assert (made.finished.best_step, made.finished.best_is_averaged) == (12, False)
    assert_identical(made.best, made.last)


def test_the_weights_do_not_notice_and_without_an_average_nothing_of_it_is_saved(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    made = run(tmp_path / "run", configure(text, **PLAN, **KINDS["decay"]))
    assert made.losses == whole.losses[:12]
    assert not [name for name in whole.state if "average" in name]
    assert not [line for line in whole.lines if {"weights_loss", "average_loss"} & line.keys()]


@pytest.mark.parametrize("kind", KINDS)
def test_an_average_is_resumed_to_the_same_bits(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Stopped before the average begins and after; the best weights, an average here, are the same too."""
    losses = (3.0, 4.0, 5.0, 2.0, 6.0, 1.0) if kind == "after" else (4.0, 3.0, 5.0, 5.0, 4.0, 2.0, 4.0, 1.0)
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", scores(*losses))
    config = configure(text, **PLAN, **KINDS[kind])
    never_stopped = run(tmp_path / "whole", config)
    assert load(never_stopped.folder).facts["averaged"]
    assert_identical(never_stopped.best, averages(never_stopped))
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", scores(*losses))
    made = run(tmp_path / "run", config, at_step(4, lambda: os.kill(os.getpid(), signal.SIGINT)))
    made = resume_recorded(made.folder, watch=at_step(8, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert (made.finished.reason, made.finished.step) == ("interrupted", 9)
    made = resume_recorded(made.folder)
    assert made.lines == never_stopped.lines
    assert_identical(made.state, never_stopped.state)
    model = "model.safetensors"
    assert (made.folder / model).read_bytes() == (never_stopped.folder / model).read_bytes()


def test_best_weights_that_a_killed_process_did_not_write_are_the_average(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", scores(4.0, 3.0, 5.0, 2.0))
    made = run(tmp_path / "run", configure(text, **PLAN | {"steps": 6}, **KINDS["decay"]))
    written = (made.folder / "model.safetensors").read_bytes()
    (made.folder / "model.safetensors").unlink()
    resume_recorded(made.folder)
    assert (made.folder / "model.safetensors").read_bytes() == written
    assert_identical(made.best, averages(made))


@pytest.mark.parametrize("damaged", [False, True], ids=["", "over the beginning"])
def test_a_run_is_verified_over_the_beginning_of_its_average(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    """Its samples and best weights are the average's. Where checkpoints are damaged, the beginning is repeated."""
    script = (3.0, 4.0, 5.0, 2.0, 6.0, 1.0)
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", scores(*script))
    made = run(tmp_path / "run", configure(text, **PLAN | {"steps_per_call": 8}, **KINDS["after"]))
    if damaged:
        for step in (6, 9):
            (made.folder / "checkpoints" / f"step-{step:09}.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", scores(6.0, 1.0))
    checks = Repetition.of(made.folder).run()
    assert [check.difference for check in checks] == [None] * 5
    assert checks[0].what.endswith(f"of {9 if damaged else 3} steps")


def test_verifying_up_to_where_the_average_begins(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", scores(3.0, 4.0, 4.0))
    made = run(tmp_path / "run", configure(text, **PLAN | {"steps": 6}, **KINDS["after"]))
    assert made.state["average/count"] == 1
    assert [check.difference for check in Repetition.of(made.folder).run()] == [None] * 4


def test_a_run_without_an_average_may_be_continued_with_one(tmp_path: Path, text: Path) -> None:
    """It begins with the weights of the checkpoint, and the weights stay those of a run without."""
    first = run(tmp_path / "run", configure(text, steps=4, save_every=1))
    config = first.started.config
    asked = replace(config.training, steps=6, keep_checkpoints=9, average_decay=0.5)
    made = resume_recorded(first.folder, replace(config, training=asked))
    states = [part(state, "params/") for state in each_state(made)[-3:]]
    close(averages(made), twin_decay(states, 0.5)[-1])
    assert [check.difference for check in Repetition.of(made.folder).run()][:2] == [None] * 2


def test_a_run_begun_with_weights_of_another_averages_from_them(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    made = run(
        tmp_path / "run", configure(text, **PLAN | {"steps": 3}, **KINDS["decay"]), init_from=whole.folder
    )
    assert_identical(part(each_state(made)[0], "average/weights/"), whole.best)


def test_without_validation_text_the_moving_average_is_saved(tmp_path: Path, text: Path) -> None:
    settings = PLAN | {"validation_fraction": 0.0}
    made = run(tmp_path / "run", configure(text, **settings, **KINDS["decay"]))
    assert_identical(made.best, averages(made))
    assert load(made.folder).facts["averaged"]
    assert [check.difference for check in Repetition.of(made.folder).run()] == [None] * 4


@pytest.mark.slow
def test_two_devices_average_what_one_does(tmp_path: Path, text: Path) -> None:
    one, two = (run(tmp_path / str(n), configure(text, **PLAN, **KINDS["decay"], devices=n)) for n in (1, 2))
    for name, value in averages(one).items():
        np.testing.assert_allclose(averages(two)[name], value, rtol=1e-3, atol=3e-4)


@pytest.mark.parametrize(
    ("weights", "average", "averaged"),
    [
        (2.0, None, False),
        (2.0, 1.0, True),
        (1.0, 2.0, False),
        (2.0, 2.0, False),
        (math.nan, 2.0, True),
        (2.0, math.nan, False),
        (math.nan, math.nan, False),
        (math.inf, math.nan, False),
    ],
)
def test_the_better_of_two_scores(weights: float, average: float | None, averaged: bool) -> None:
    found = Evaluation(Score(weights, 1), None if average is None else Score(average, 1))
    assert found.is_averaged is averaged
    assert found.better is (found.average if averaged else found.weights)


@pytest.mark.parametrize(
    ("settings", "what", "do"),
    [
        ({"average_decay": 0.9, "average_after": 3}, "--average-decay 0.9 and --average-after 3", "one"),
        ({"average_after": 3, "patience": 2}, "--average-after 3 with --patience 2", "larger --patience"),
        ({"average_after": 3, "validation_fraction": 0.0}, "without a validation text", "--average-decay"),
    ],
)
def test_an_average_that_could_not_be_is_refused(
    tmp_path: Path, text: Path, settings: dict, what: str, do: str
) -> None:
    with refused(what, do=do):
        run(tmp_path / "run", configure(text, **settings))
    assert not (tmp_path / "run").exists()


def test_an_average_is_not_of_a_run_without_one(tmp_path: Path, text: Path) -> None:
    """The command line refuses to turn averaging off in a run; a program gets an error that names the average."""
    made = run(tmp_path / "run", configure(text, **PLAN | {"steps": 3}, **KINDS["decay"]))
    config = made.started.config
    with pytest.raises(CharloopError, match="average"):
        resume_recorded(made.folder, replace(config, training=replace(config.training, average_decay=0.0)))
    assert newest_checkpoint(made.folder).exists()
