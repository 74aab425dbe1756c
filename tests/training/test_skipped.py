"""Runs in which updates go wrong: they continue, record where that was, and end in time."""

import json
import math
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.cells.lstm import LSTM
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.loss import cross_entropy
from charloop.presets import PRESETS
from charloop.training.run import train
from choosing import slow
from training.runs import SYMBOLS, TEXT, Run, assert_identical, at_step, configure, resume_recorded, run

POISON_POSITION = 50
"""Position of the poison in the text: only the first batch row reads it, in at most two chunks."""
POISON = "x"


@pytest.fixture(scope="module")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "poisoned.txt"
    path.write_text(TEXT[:POISON_POSITION] + POISON + TEXT[POISON_POSITION + 1 :])
    return path


@pytest.fixture
def spoil(
    monkeypatch: pytest.MonkeyPatch, separate_programs: Callable[[str], None]
) -> Callable[[float], None]:
    """Multiply the gradient where the poison is to be predicted; by NaN, the loss too."""

    def by(factor: float) -> None:
        number = Vocabulary.of_text(SYMBOLS + POISON).size - 1

        def spoiled(logits: Any, targets: Any, **how: Any) -> Any:
            nats = cross_entropy(logits, targets, **how)
            more = jnp.where(targets == number, factor - 1, 0.0)
            return nats + more * (nats - jax.lax.stop_gradient(nats))

        monkeypatch.setattr("charloop.training.step.cross_entropy", spoiled)
        separate_programs(f"loss times {factor}")

    return by


def skipped(made: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (made.folder / "skipped.jsonl").read_text().splitlines()]


def test_training_continues_after_a_chunk_with_a_nan_loss(tmp_path: Path, poisoned: Path, spoil: Any) -> None:
    spoil(math.nan)
    made = run(tmp_path / "run", configure(poisoned, steps=80, eval_every=20))
    found = [step for step in made.steps if step.skipped]
    assert [step.step for step in found] == [17, 48, 79]
    assert made.finished.skipped == 3
    assert all(step.skipped == "loss nan, gradient norm nan" for step in found)
    assert all(math.isfinite(step.loss) for step in made.steps if not step.skipped)
    assert all(np.isfinite(value).all() for value in made.state.values() if value.dtype == np.float32)
    rates = {step.step: step.learning_rate for step in made.steps}
    assert rates[18] == pytest.approx(rates[16] / 2)
    assert rates[18] < rates[30] < rates[16]


def test_a_skipped_update_is_recorded_with_its_position_and_its_text(
    tmp_path: Path, poisoned: Path, spoil: Any
) -> None:
    spoil(math.nan)
    made = run(tmp_path / "run", configure(poisoned, steps=40))
    (record,) = skipped(made)
    whole = poisoned.read_text()
    assert record["step"] == 17
    assert record["loss"] is None
    assert record["learning_rate"] == made.steps[16].learning_rate
    for offset, text in zip(record["offsets"], record["texts"], strict=True):
        assert whole[offset : offset + len(text)] == text
        assert len(text) == 4
    assert [POISON in text for text in record["texts"]] == [True, False]
    strict = {"parse_constant": lambda name: pytest.fail(f"{name} is not JSON")}
    lines = [json.loads(line, **strict) for line in (made.folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "skipped" in line] == [17]


def test_texts_are_left_out_of_a_file_that_has_grown_long(
    tmp_path: Path, poisoned: Path, spoil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(math.nan)
    monkeypatch.setattr("charloop.training.loop.MAX_BYTES_WITH_TEXTS", 10)
    first, second = skipped(run(tmp_path / "run", configure(poisoned, steps=60)))
    assert "texts" in first
    assert "texts" not in second
    assert second["offsets"] == first["offsets"]


@pytest.mark.parametrize("calls", [slow(1), 8])
def test_the_number_of_steps_per_call_changes_nothing(
    tmp_path: Path, poisoned: Path, spoil: Any, calls: int
) -> None:
    spoil(math.nan)
    one = run(tmp_path / "one", configure(poisoned, steps=40, steps_per_call=3))
    other = run(tmp_path / "other", configure(poisoned, steps=40, steps_per_call=calls))
    assert one.lines == other.lines
    assert skipped(one) == skipped(other)
    assert_identical(one.state, other.state)


def test_two_devices_skip_the_same_updates(tmp_path: Path, poisoned: Path, spoil: Any) -> None:
    spoil(math.nan)
    made = run(tmp_path / "run", configure(poisoned, steps=40, devices=2))
    assert [step.step for step in made.steps if step.skipped] == [17]
    assert math.isfinite(made.losses[-1])


@pytest.mark.parametrize("stop", [17, 22])
def test_a_run_stopped_while_its_rate_is_lowered_resumes_as_if_never_stopped(
    tmp_path: Path, poisoned: Path, spoil: Any, stop: int
) -> None:
    spoil(math.nan)
    config = configure(poisoned, steps=40, eval_every=10)
    whole = run(tmp_path / "whole", config)
    first = run(tmp_path / "run", config, at_step(stop, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert stop <= first.finished.step < 35
    assert first.state["health/rate"] < 1
    second = resume_recorded(first.folder)
    ends = [[line for line in made.lines if line["kind"] == "step"] for made in (second, whole)]
    assert ends[0] == ends[1]
    assert_identical(second.state, whole.state)
    assert skipped(second) == skipped(whole)
    assert second.finished.skipped == 1


def test_after_a_crash_an_update_skipped_since_the_checkpoint_is_recorded_once(
    tmp_path: Path, poisoned: Path, spoil: Any
) -> None:
    spoil(math.nan)

    def crash() -> None:
        raise RuntimeError

    config = configure(poisoned, steps=40, eval_every=10)
    with pytest.raises(RuntimeError):
        run(tmp_path / "run", config, at_step(19, crash))
    assert len(skipped(Run(tmp_path / "run"))) == 1
    assert len(skipped(resume_recorded(tmp_path / "run"))) == 1


@pytest.mark.parametrize(("factor", "expected"), [slow((1.0, [])), (1e4, [141])])
def test_a_planted_spike_is_skipped(tmp_path: Path, spoil: Any, factor: float, expected: list[int]) -> None:
    text, position = TEXT * 6, 3 * 140 + 2
    (tmp_path / "text.txt").write_text(text[:position] + POISON + text[position + 1 :])
    spoil(factor)
    made = run(tmp_path / "run", configure(tmp_path / "text.txt", steps=160))
    assert [step.step for step in made.steps if step.skipped] == expected
    assert all("far above its running mean" in made.steps[step - 1].skipped for step in expected)
    assert all(math.isfinite(loss) for loss in made.losses)


def test_too_many_skipped_updates_in_a_row_end_the_run_with_advice(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "charloop.training.step.cross_entropy", lambda *given, **how: cross_entropy(*given, **how) * jnp.nan
    )
    made = Run(tmp_path / "run")
    with pytest.raises(
        CharloopError, match=r"4 updates in a row were skipped.* at step 4; every update was skipped"
    ):
        run(made.folder, configure(text, max_skipped=4, steps_per_call=8))
    assert len(skipped(made)) >= 4
    assert not (made.folder / "training_state.safetensors").exists()


class Sick(LSTM):
    """A cell with a mistake in it, whatever the learning rate."""

    def step(self, params, inputs, state):
        state, hidden = super().step(params, inputs, state)
        return state, hidden * jnp.log(-1.0 - hidden * hidden)


@pytest.mark.parametrize(
    "settings",
    [{}, slow({"max_skipped": 0}), slow({"steps": 4}), slow({"max_skipped": 100, "eval_every": 5})],
)
def test_a_cell_that_is_nan_from_the_first_step_is_named(
    tmp_path: Path, text: Path, settings: dict[str, int]
) -> None:
    """However such a run ends, its message does not blame the learning rate."""
    config = configure(text, **{"steps": 400, "eval_every": 400} | settings)
    config = replace(config, model=replace(config.model, cell=Sick))
    with pytest.raises(CharloopError, match=r"has diverged") as caught:
        run(tmp_path / "run", config)
    assert "so the learning rate is not the cause: look for NaN or infinity in the cell object:Sick" in str(
        caught.value
    )
    assert "lower" not in str(caught.value)


@pytest.mark.slow
def test_a_rate_of_100_ends_with_an_explanation(tmp_path: Path, text: Path) -> None:
    config = configure(text, learning_rate=100.0, hidden_size=64, steps=400, eval_every=400)
    with pytest.raises(
        CharloopError, match=r"10 updates in a row.*far worse than guessing.*lower --learning-rate \(to 10\)"
    ):
        run(tmp_path / "run", config)


def test_a_nan_evaluation_is_not_the_best_and_training_continues(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = iter([2.0, math.nan, 1.0, math.nan, math.nan, 3.0])
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: Score(next(script) * 10, 10))
    made = run(tmp_path / "run", configure(text, eval_every=2, max_skipped=3))
    assert [event.is_best for event in made.evaluations] == [True, False, True, False, False, False]
    assert (made.finished.best_step, made.finished.step) == (6, 12)


@pytest.mark.parametrize(("most", "at"), [(0, 2), (3, 6), (10, 12)])
def test_evaluations_that_are_never_finite_end_the_run(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch, most: int, at: int
) -> None:
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: Score(math.nan, 10))
    with pytest.raises(CharloopError, match=f"validation loss not finite.* at step {at};"):
        run(tmp_path / "run", configure(text, eval_every=2, max_skipped=most))
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_text_that_changes_abruptly_is_trained_on(tmp_path: Path) -> None:
    """One batch row, certain of `a`, and then a different text: the worst case of an ordinary text."""
    (tmp_path / "text.txt").write_text("a" * 3000 + "bcdefghij" * 400)
    settings = {"batch_size": 1, "seq_length": 10, "cell": "gru", "learning_rate": 0.01, "clip_norm": 0.0}
    made = run(
        tmp_path / "run", configure(tmp_path / "text.txt", steps=560, validation_fraction=0.0, **settings)
    )
    assert made.finished.skipped <= 4
    assert made.losses[-1] < 1


ORDINARY = [
    slow({}),
    slow({"batch_size": 1}),
    slow({"optimizer": "sgd", "learning_rate": 0.5}),
    slow({"optimizer": "rmsprop", "learning_rate": 1e-3}),
    {"cell": "rnn", "clip_norm": 0.0, "batch_size": 2},
]


@pytest.mark.parametrize("changes", ORDINARY, ids=str)
def test_ordinary_training_is_never_interfered_with(tmp_path: Path, changes: dict[str, Any]) -> None:
    """With settings under which a limit of six deviations alone would have skipped good updates."""
    (tmp_path / "text.txt").write_text(
        "".join(path.read_text() for path in sorted(Path(__file__).parent.glob("*.py")))
    )
    small = {"batch_size": 8, "seq_length": 16, "hidden_size": 32, "num_layers": 1, "learning_rate": 5e-3}
    config = configure(tmp_path / "text.txt", **small | {"steps": 600, "eval_every": 1000} | changes)
    made = run(tmp_path / "run", config)
    assert made.finished.skipped == 0
    assert not (made.folder / "skipped.jsonl").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "steps"), [("tiny", 3000), ("fast", 500), ("base", 150)])
def test_the_presets_are_never_interfered_with(tmp_path: Path, name: str, steps: int) -> None:
    config = PRESETS[name].config
    training = replace(config.training, steps=steps, minutes=None, epochs=None, sample_every=0)
    source = sorted((Path(__file__).parents[2] / "src").rglob("*.py"))
    (tmp_path / "text.txt").write_text("".join(path.read_text() for path in source))
    data = replace(config.data, corpus=(str(tmp_path / "text.txt"),))
    train(replace(config, data=data, training=training), tmp_path / "run")
    assert not (tmp_path / "run" / "skipped.jsonl").exists()
