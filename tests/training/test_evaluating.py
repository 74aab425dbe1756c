"""Evaluating a run changes nothing in it (torch-rnn's bug); which weights are kept as best, and early stopping."""

import json
from pathlib import Path

import pytest

from charloop.data import Vocabulary
from charloop.evaluation import Score
from charloop.trained import load
from charloop.training.events import Evaluated
from training.runs import SYMBOLS, TEXT, TRAIN, Run, assert_identical, configure, run


def test_evaluating_and_sampling_after_every_step_changes_no_bit(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    watched = run(tmp_path / "watched", configure(text, steps=40, eval_every=1, sample_every=1))
    alone = run(tmp_path / "alone", configure(text, steps=40, validation_fraction=0.1, eval_every=1000))
    assert (len(watched.evaluations), len(alone.evaluations)) == (40, 1)
    assert len(list((watched.folder / "samples").iterdir())) == 40
    for other in (watched, alone):
        assert other.losses == whole.losses
        assert_identical(other.state, whole.state)


def test_a_run_without_validation_text_keeps_its_last_weights(tmp_path: Path, text: Path) -> None:
    made = run(tmp_path / "run", configure(text, validation_fraction=0.0))
    assert made.evaluations == []
    assert made.finished.best is None
    assert_identical(made.best, made.last)


@pytest.fixture
def scripted(tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch):
    """A run whose evaluations come out as scripted, and its best weights after each of them."""

    def start(*losses: float, **settings) -> tuple[Run, dict[int, dict]]:
        script, weights = iter(losses), {}
        monkeypatch.setattr(
            "charloop.evaluation.Evaluator.score", lambda *_, **__: Score(next(script) * 10, 10)
        )
        made = Run(tmp_path / "run")

        def watch(event) -> None:
            made.events.append(event)
            if made.evaluations and not isinstance(event, Evaluated):
                weights.setdefault(made.evaluations[-1].step, made.best)

        return run(made.folder, configure(text, eval_every=2, sample_every=0, **settings), watch), weights

    return start


def test_the_best_weights_are_those_of_the_best_evaluation_and_the_last_are_the_last(scripted) -> None:
    made, weights = scripted(3.0, 1.0, 2.0, 1.0, 4.0, 1.5)
    assert [event.is_best for event in made.evaluations] == [True, True, False, False, False, False]
    assert (made.finished.best_step, made.finished.best) == (4, Score(10.0, 10))
    assert_identical(made.best, weights[4])
    assert weights[2]["readout.bias"].tobytes() != weights[4]["readout.bias"].tobytes()
    assert made.last["readout.bias"].tobytes() != made.best["readout.bias"].tobytes()
    assert load(made.folder).facts == {"step": 4, "validation_loss": 1.0, "validation_characters": 10}


def test_load_gives_the_best_weights_or_the_last(scripted) -> None:
    made, _ = scripted(1.0, 3.0, 2.0, 2.0, 2.0, 2.0)
    assert_identical({n: v.__array__() for n, v in load(made.folder).params.items()}, made.best)
    last = load(made.folder, weights="last").params
    assert_identical({name: value.__array__() for name, value in last.items()}, made.last)


def test_patience_ends_a_run_that_gets_no_better(scripted) -> None:
    made, _ = scripted(3.0, 2.0, 2.5, 2.0, 1.0, 1.0, patience=2)
    assert made.finished.step == 8
    assert "no better for 2 evaluations" in made.finished.reason


def test_patience_counts_evaluations_in_a_row(scripted) -> None:
    made, _ = scripted(3.0, 3.5, 2.0, 2.5, 1.0, 1.5, patience=2)
    assert made.finished.step == 12


def test_the_score_in_the_metrics_is_that_of_the_validation_text(whole: Run) -> None:
    last = [line for line in whole.lines if line["kind"] == "evaluation"][-1]
    ids = Vocabulary.of_text(SYMBOLS).encode(TEXT[TRAIN:])
    score = load(whole.folder, weights="last").score(ids)
    assert (last["step"], last["characters"]) == (40, len(TEXT) - TRAIN - 1)
    assert last["loss"] == pytest.approx(score.loss, rel=1e-6)


def test_each_sample_is_in_a_file_of_its_own(tmp_path: Path, text: Path) -> None:
    """After the first evaluation, when it has most to learn, and then after every second one."""
    made = run(tmp_path / "run", configure(text, steps=24, eval_every=4, sample_every=2))
    files = sorted(path.name for path in (made.folder / "samples").iterdir())
    assert files == [f"step-{step:07d}.txt" for step in (4, 8, 16, 24)]
    written = (made.folder / "samples" / "step-0000008.txt").read_text()
    assert [written.count(f"temperature {t}") for t in (0.5, 0.8, 1.0)] == [1, 1, 1]


def test_every_line_of_the_metrics_is_json_with_a_kind(whole: Run) -> None:
    lines = (whole.folder / "metrics.jsonl").read_text().splitlines()
    assert {json.loads(line)["kind"] for line in lines} == {"step", "evaluation"}
    assert all(len(json.loads(line)) >= 5 for line in lines)
