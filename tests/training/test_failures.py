"""What goes wrong in training: one error that says what to do, and the last checkpoint stays intact."""

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.training.step import compile_steps
from training.runs import Run, assert_identical, configure, resume_recorded, run


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch):
    """Weights that become NaN outside the step, with an infinite loss (column 0) or gradient norm (1)."""

    def from_step(step: int, column: int) -> None:
        def compile_spoiled(*given):
            return spoil(compile_steps(*given), step, column)

        monkeypatch.setattr("charloop.training.session.compile_steps", compile_spoiled)

    return from_step


def spoil(train_steps, step: int, column: int):
    @jax.jit
    def spoiled(state, *inputs):
        state, metrics = train_steps(state, *inputs)
        bad, row = state.step >= step, inputs[-1] - 1
        bias = jnp.where(bad, jnp.nan, state.params["readout.bias"])
        metrics = metrics.at[row, column].set(jnp.where(bad, jnp.inf, metrics[row, column]))
        return replace(state, params=state.params | {"readout.bias": bias}), metrics

    return spoiled


@pytest.mark.parametrize(
    ("column", "settings", "words"),
    [
        (0, {"eval_every": 6}, "weights that are not finite at step 24"),
        (1, {"eval_every": 100, "save_every": 6}, "weights that are not finite at step 24"),
        (1, {"steps": 21}, "weights that are not finite at step 21"),
        (0, {"eval_every": 6, "max_skipped": 0}, "inf.* at step 21"),
        (1, {"eval_every": 100, "save_every": 6, "max_skipped": 0}, "inf.* at step 21"),
    ],
)
def test_weights_that_are_not_finite_stop_the_run_and_damage_no_checkpoint(
    tmp_path: Path, text: Path, poison, column: int, settings: dict, words: str
) -> None:
    made = Run(tmp_path / "run")
    config = configure(text, **{"steps": 24, "eval_every": 6} | settings)
    poison(21, column)
    with pytest.raises(CharloopError, match=f"{words}; lower --learning-rate.*the last checkpoint is intact"):
        run(made.folder, config)
    assert int(made.state["step"]) == 18
    assert not any(jnp.isnan(value).any() for value in made.last.values())


def test_a_failed_run_continues_from_its_last_checkpoint(
    tmp_path: Path, text: Path, whole: Run, poison
) -> None:
    poison(25, 0)
    with pytest.raises(CharloopError):
        run(tmp_path / "run", configure(text, steps=40, eval_every=10))
    poison(1000, 0)
    made = resume_recorded(tmp_path / "run")
    assert made.lines == whole.lines
    assert_identical(made.state, whole.state)


def test_a_rate_far_too_high_ends_in_that_error(tmp_path: Path, text: Path) -> None:
    config = configure(text, learning_rate=1e6, weight_decay=1e6)
    with pytest.raises(CharloopError, match="lower --learning-rate"):
        run(tmp_path / "run", config)


def test_weights_that_score_no_number_are_never_kept(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Run(tmp_path / "run")
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: Score(float("nan"), 10))
    with pytest.raises(CharloopError, match="lower --learning-rate"):
        run(made.folder, configure(text, eval_every=2))
    assert not (made.folder / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cell": "lstn"}, "did you mean 'lstm'"),
        ({"unroll": "fuse"}, "did you mean 'fused'"),
        ({"devices": 2, "batch_size": 3}, "batch size for 2 devices"),
        ({"devices": 64}, "allowed: 1 to 2 here"),
        ({"tie_embedding": True}, "embed-size 5, hidden-size 7"),
        ({"validation_fraction": 0.6, "test_fraction": 0.6}, "leave nothing to train on"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_written(
    tmp_path: Path, text: Path, settings: dict, words: str
) -> None:
    with pytest.raises(CharloopError, match=words):
        run(tmp_path / "run", configure(text, **settings))
    assert not (tmp_path / "run").exists()


def test_a_run_that_cannot_be_written_to_says_so(tmp_path: Path, text: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CharloopError, match="choose another --output"):
        run(tmp_path / "file" / "run", configure(text))
