"""A stopped and resumed run equals one that never stopped, to the bit, wherever and however it stopped."""

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import RunFolder, load_tensors, save_tensors
from charloop.checkpoint.checkpoints import Checkpoints
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.evaluation import Score
from charloop.trained import load
from charloop.training.checkpoints import save_checkpoint
from charloop.training.events import Evaluated
from charloop.training.verification import Repetition
from training.runs import (
    CHUNKS,
    TEXT,
    Run,
    assert_identical,
    at_step,
    configure,
    improving,
    newest_checkpoint,
    resume_recorded,
    run,
)

STEPS = 40


class CrashError(Exception):
    """An error that nothing catches."""


def crash() -> None:
    raise CrashError


def assert_never_stopped(made: Run, whole: Run) -> None:
    """The same lines, the same bytes of the best weights' file, the same last state."""
    assert made.lines == whole.lines
    assert (made.folder / "model.safetensors").read_bytes() == (
        whole.folder / "model.safetensors"
    ).read_bytes()
    assert_identical(made.state, whole.state)


def plan(text: Path, **settings) -> RunConfig:
    return configure(text, steps=STEPS, eval_every=10, **settings)


@pytest.mark.parametrize(
    ("stop", "number"), [(5, signal.SIGINT), (CHUNKS - 1, signal.SIGTERM), (CHUNKS + 1, signal.SIGINT)]
)
def test_an_interrupted_run_resumes_as_if_never_interrupted(
    tmp_path: Path, text: Path, whole: Run, stop: int, number: int
) -> None:
    """In the middle of an epoch, at its end and just after; by Ctrl-C, and as a machine that shuts down asks."""
    first = run(tmp_path / "run", plan(text), at_step(stop, lambda: os.kill(os.getpid(), number)))
    assert first.finished.reason == "interrupted"
    assert stop <= first.finished.step < STEPS
    second = resume_recorded(first.folder)
    assert second.started.resumed_at == first.finished.step == second.steps[0].step - 1
    assert_never_stopped(second, whole)


@pytest.mark.parametrize("stop", [15, CHUNKS + 1])
def test_a_run_with_random_offsets_goes_on_where_it_stopped(tmp_path: Path, text: Path, stop: int) -> None:
    """In both epochs, each of which has its own; and what is repeated is the same."""
    config = plan(text, random_offset=True)
    never_stopped = run(tmp_path / "whole", config)
    assert never_stopped.started.chunks_per_epoch == CHUNKS - 1
    with pytest.raises(CrashError):
        run(tmp_path / "run", config, at_step(stop, crash))
    assert_never_stopped(resume_recorded(tmp_path / "run"), never_stopped)
    assert [check.difference for check in Repetition.of(tmp_path / "run").run()][:2] == [None] * 2


def test_on_two_devices_too(tmp_path: Path, text: Path) -> None:
    config = configure(text, steps=20, eval_every=10, devices=2)
    never_stopped = run(tmp_path / "whole", config)
    run(tmp_path / "run", config, at_step(5, lambda: os.kill(os.getpid(), signal.SIGINT)))
    made = resume_recorded(tmp_path / "run")
    assert 5 <= made.started.resumed_at < 20
    assert made.started.devices == 2
    assert_never_stopped(made, never_stopped)


def test_a_longer_budget_continues_as_if_given_from_the_start(tmp_path: Path, text: Path, whole: Run) -> None:
    config = configure(text, steps=20, eval_every=10)
    first = run(tmp_path / "run", config)
    longer = replace(first.started.config, training=replace(first.started.config.training, steps=STEPS))
    assert_never_stopped(resume_recorded(first.folder, longer), whole)
    assert RunFolder.open(first.folder).config.training.steps == STEPS


@pytest.mark.parametrize("save_every", [0, 7])
def test_after_a_crash_the_lines_since_the_last_checkpoint_are_not_there_twice(
    tmp_path: Path, text: Path, whole: Run, save_every: int
) -> None:
    crashed = Run(tmp_path / "run")
    with pytest.raises(CrashError):
        run(crashed.folder, plan(text, save_every=save_every), at_step(27, crash))
    assert max(line["step"] for line in crashed.lines) >= 27
    second = resume_recorded(crashed.folder)
    assert second.started.resumed_at == (21 if save_every else 20)
    assert second.lines == whole.lines
    assert_identical(second.state, whole.state)
    assert_identical(second.best, whole.best)


def test_a_half_written_line_is_forgotten(tmp_path: Path, text: Path, whole: Run) -> None:
    with pytest.raises(CrashError):
        run(tmp_path / "run", plan(text), at_step(13, crash))
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write('{"kind": "step", "st')
    assert resume_recorded(tmp_path / "run").lines == whole.lines


@pytest.mark.parametrize("line", ["nonsense\n", "[1]\n", "\0\0\0\n", '{"kind": "step", "step": "x"}\n'])
def test_a_damaged_line_does_not_prevent_resuming(tmp_path: Path, whole: Run, line: str) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    with open(tmp_path / "run" / "metrics.jsonl", "a") as file:
        file.write(line)
    assert resume_recorded(tmp_path / "run").lines == whole.lines


def test_to_resume_a_run_that_is_over_adds_nothing(tmp_path: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    again = resume_recorded(tmp_path / "run")
    assert (again.steps, again.evaluations) == ([], [])
    assert again.finished.step == STEPS
    assert again.finished.best == whole.finished.best
    assert again.lines == whole.lines


def test_another_rate_on_the_way_keeps_the_moments(tmp_path: Path, text: Path) -> None:
    """torch-rnn's bug: here the first update at the new rate is the old one, scaled."""
    first = run(tmp_path / "run", configure(text, steps=20, warmup_steps=0))
    before, moments = first.last, first.state
    training = replace(first.started.config.training, steps=21)
    moved = {}
    for rate in (0.02, 0.06):
        shutil.copytree(first.folder, tmp_path / str(rate))
        changed = replace(first.started.config, training=replace(training, learning_rate=rate))
        moved[rate] = (
            resume_recorded(tmp_path / str(rate), changed).last["readout.weight"] - before["readout.weight"]
        )
    assert any(name.endswith("mu/readout.weight") and values.any() for name, values in moments.items())
    assert moved[0.06] == pytest.approx(3 * moved[0.02], abs=1e-6)
    assert abs(moved[0.02]).max() > 1e-4


def test_the_best_so_far_is_remembered(tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([Score(10.0, 10), *[Score(20.0, 10)] * 9])
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: next(scores))
    first = run(tmp_path / "run", configure(text, steps=20, eval_every=10, patience=3))
    best = first.best
    longer = replace(first.started.config, training=replace(first.started.config.training, steps=80))
    second = resume_recorded(first.folder, longer)
    assert [event.is_best for event in second.evaluations] == [False, False]
    assert second.finished.reason == "no better for 3 evaluations"
    assert (second.finished.best_step, second.finished.step) == (10, 40)
    assert_identical(second.best, best)


@pytest.mark.parametrize(
    ("decay", "fraction", "noted"),
    [
        (
            "cosine",
            0.0,
            ["the learning rate rises from 0.00034 to 0.01: cosine decay now ends with the new budget"],
        ),
        (
            "linear",
            0.5,
            ["the learning rate rises from 0.011 to 0.015: linear decay now ends with the new budget"],
        ),
        ("constant", 0.0, []),
    ],
)
def test_a_longer_budget_notes_by_how_much_the_learning_rate_rises(
    tmp_path: Path, text: Path, decay: str, fraction: float, noted: list[str]
) -> None:
    first = run(tmp_path / "run", configure(text, steps=12, decay=decay, final_fraction=fraction))
    config = first.started.config
    longer = replace(config, training=replace(config.training, steps=24))
    assert resume_recorded(first.folder).started.notes == []
    second = resume_recorded(first.folder, longer)
    assert list(second.started.notes) == noted
    if noted:
        rates = [f"{rate:.2g}" for rate in (first.steps[-1].learning_rate, second.steps[0].learning_rate)]
        assert f"from {rates[0]} to {rates[1]}:" in noted[0]


@pytest.mark.parametrize("changed", [TEXT[::-1], TEXT + "Z"], ids=["order", "new character"])
def test_a_text_that_changed_is_refused_and_the_run_left_alone(changed: str, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    made = run(tmp_path / "run", configure(text, steps=3))
    before = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    text.write_text(changed)
    with pytest.raises(CharloopError, match=r"has changed since the run began.*--init-from"):
        resume_recorded(made.folder)
    assert {path: path.read_bytes() for path in before} == before


def test_the_training_state_of_another_network_is_refused_by_name(tmp_path: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    path = newest_checkpoint(tmp_path / "run")
    tensors, metadata = load_tensors(path)
    save_tensors(path, tensors | {"params/readout.bias": np.zeros(12, np.float32)}, metadata)
    with pytest.raises(
        CharloopError, match=r"run/checkpoints/step-0+40\.safetensors is not of this run.*readout.*; "
    ):
        resume_recorded(tmp_path / "run")


def test_the_elapsed_time_of_all_invocations_counts(tmp_path: Path, text: Path) -> None:
    first = run(tmp_path / "run", configure(text, steps=3))
    facts = json.loads(json.dumps(RunFolder.open(first.folder).checkpoints.newest()[1]))
    assert facts["elapsed"] > 0
    assert resume_recorded(first.folder).finished.elapsed >= facts["elapsed"]


@pytest.mark.parametrize(
    "cell",
    [
        "gru",
        pytest.param("ln-lstm", marks=pytest.mark.slow),
        pytest.param("rnn", marks=pytest.mark.slow),
        pytest.param("nas", marks=pytest.mark.slow),
    ],
)
def test_whatever_the_cell(tmp_path: Path, text: Path, cell: str) -> None:
    never_stopped = run(tmp_path / "whole", plan(text, cell=cell))
    with pytest.raises(CrashError):
        run(tmp_path / "run", plan(text, cell=cell), at_step(CHUNKS + 2, crash))
    assert_never_stopped(resume_recorded(tmp_path / "run"), never_stopped)


def test_to_be_stopped_adds_no_evaluation_that_patience_would_count(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores by the step of their evaluation: any other evaluation would be the best, or one too many."""
    scores = {10: 3.0, 20: 4.0, 30: 5.0, 40: 2.0}
    seen: list[int] = []

    def score(*_, **__) -> Score:
        seen.append(10 * len(seen) + 10)
        return Score(scores[seen[-1]] * 10, 10)

    monkeypatch.setattr("charloop.evaluation.Evaluator.score", score)
    config = plan(text, patience=2)
    first = run(tmp_path / "run", config, at_step(15, lambda: os.kill(os.getpid(), signal.SIGINT)))
    assert (first.finished.reason, len(first.evaluations)) == ("interrupted", 1)
    second = resume_recorded(first.folder)
    assert (second.finished.reason, second.finished.step) == ("no better for 2 evaluations", 30)


def test_a_run_that_stopped_early_makes_no_step_more(tmp_path: Path, text: Path, monkeypatch) -> None:
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: Score(30.0, 10))
    first = run(tmp_path / "run", plan(text, patience=2))
    before = first.lines
    second = resume_recorded(first.folder)
    assert (second.steps, second.finished.reason) == ([], "no better for 2 evaluations")
    assert second.lines == before


def test_interrupted_before_the_first_evaluation_it_can_be_asked_to_write(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    first = run(tmp_path / "run", plan(text), at_step(3, lambda: os.kill(os.getpid(), signal.SIGINT)))
    network = load(first.folder)
    assert network.facts == {"step": first.finished.step, "validation_loss": None}
    assert_identical(first.best, first.last)
    assert_never_stopped(resume_recorded(first.folder), whole)


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_again(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    with pytest.raises(CrashError):
        run(tmp_path / "run", plan(text), at_step(3, crash))
    assert not (tmp_path / "run" / "model.safetensors").exists()
    second = resume_recorded(tmp_path / "run")
    assert second.started.resumed_at == 0
    assert list(second.started.notes) == ["nothing was saved since the run was created: it starts again"]
    assert_never_stopped(second, whole)


def test_a_run_with_a_donor_killed_before_its_first_checkpoint_starts_again(
    tmp_path: Path, text: Path, whole: Run
) -> None:
    never_stopped = run(tmp_path / "whole", plan(text), init_from=whole.folder)
    with pytest.raises(CrashError):
        run(tmp_path / "run", plan(text), at_step(3, crash), init_from=whole.folder)
    assert_never_stopped(resume_recorded(tmp_path / "run"), never_stopped)


@pytest.mark.parametrize("patience", [0, 50])
def test_a_checkpoint_at_the_last_step_is_not_an_evaluation(
    tmp_path: Path, text: Path, patience: int
) -> None:
    made = run(tmp_path / "run", configure(text, steps=21, eval_every=10, save_every=7, patience=patience))
    assert [event.step for event in made.evaluations] == [10, 20, 21]


def test_killed_between_the_last_evaluation_and_its_checkpoint(tmp_path: Path, text: Path) -> None:
    """The checkpoint before it is of the same step: the evaluation is not there twice."""
    config = configure(text, steps=21, eval_every=10, save_every=7)
    whole = run(tmp_path / "whole", config)

    def at_the_last(event) -> None:
        if isinstance(event, Evaluated) and event.step == 21:
            crash()

    with pytest.raises(CrashError):
        run(tmp_path / "run", config, at_the_last)
    assert resume_recorded(tmp_path / "run").finished.step == 21
    assert_never_stopped(Run(tmp_path / "run"), whole)


def killed_between_state_and_weights(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Raise before the second of the two files that are written for the best weights of `step`."""
    begun: list[str] = []

    def dying(kind: type, name: str, step_of) -> None:
        write = getattr(kind, name)

        def watched(self, *given) -> None:
            if step_of(given) == step:
                if begun:
                    raise CrashError
                begun.append(name)
            write(self, *given)

        monkeypatch.setattr(kind, name, watched)

    dying(RunFolder, "save_weights", lambda given: given[1]["step"])
    dying(Checkpoints, "write", lambda given: given[0])


def test_killed_between_the_state_and_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written from the checkpoint first, even if there is nothing left to train."""
    with monkeypatch.context() as patched:
        killed_between_state_and_weights(patched, 20)
        with pytest.raises(CrashError):
            run(tmp_path / "run", improving(tmp_path, steps=20, eval_every=10))
    whole = run(tmp_path / "whole", improving(tmp_path, steps=20, eval_every=10))
    assert whole.finished.best_step == 20
    assert_never_stopped(resume_recorded(tmp_path / "run"), whole)


def test_the_best_weights_are_never_ahead_of_all_that_is_known_of_them(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Best at 5, worse at 10, best at 15, and killed there: if it ends at 10 now, the best is what it says it is."""
    scores = iter([Score(20.0, 10), Score(30.0, 10), Score(10.0, 10)])
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: next(scores))
    with monkeypatch.context() as patched:
        killed_between_state_and_weights(patched, 15)
        with pytest.raises(CrashError):
            run(tmp_path / "run", configure(text, steps=20, eval_every=5))
    ended = resume_recorded(tmp_path / "run", configure(text, steps=10, eval_every=5))
    assert load(tmp_path / "run").facts["step"] == ended.finished.best_step


def test_best_weights_that_are_lost_are_reported(tmp_path: Path, text: Path, monkeypatch) -> None:
    scores = iter([Score(10.0, 10), Score(20.0, 10), Score(5.0, 10)])
    monkeypatch.setattr("charloop.evaluation.Evaluator.score", lambda *_, **__: next(scores))
    first = run(tmp_path / "run", configure(text, steps=20, eval_every=10))
    (first.folder / "model.safetensors").write_bytes(b"damaged")
    second = resume_recorded(first.folder, configure(text, steps=30, eval_every=10))
    (note,) = second.started.notes
    assert "model.safetensors is damaged (" in note
    assert note.endswith("the best weights, of step 10, are lost until there are better ones")
    assert load(first.folder).facts["step"] == 30


def test_metrics_that_were_cut_short_are_reported(tmp_path: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    metrics = tmp_path / "run" / "metrics.jsonl"
    lines = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(b"".join(lines[:25]) + lines[25][:10])
    (note,) = resume_recorded(tmp_path / "run").started.notes
    step = json.loads(lines[24])["step"]
    assert note.endswith(f"metrics.jsonl lacks the losses after step {step} and up to {STEPS}")
    assert metrics.read_bytes() == b"".join(lines[:25])


def test_metrics_that_are_gone_begin_again(tmp_path: Path, text: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    (tmp_path / "run" / "metrics.jsonl").unlink()
    made = resume_recorded(tmp_path / "run", configure(text, steps=STEPS + 2, eval_every=10))
    assert made.started.notes[0].endswith(f"metrics.jsonl is missing: it begins again at step {STEPS + 1}")
    assert [line["step"] for line in made.lines if line["kind"] == "step"] == [STEPS + 1, STEPS + 2]


def test_checkpoints_by_the_clock_change_no_bit(
    tmp_path: Path, text: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    monkeypatch.setattr("charloop.training.schedule.SAVE_PAUSE", 0.0)
    monkeypatch.setattr("charloop.training.schedule.SAVE_SHARE", 0)
    monkeypatch.setattr("charloop.training.loop.save_checkpoint", record_checkpoints(written))
    made = run(tmp_path / "run", plan(text))
    assert len(written) > 10, "after each call"
    assert_never_stopped(made, whole)


def record_checkpoints(written: list[int]):
    def save(session, state, journal) -> None:
        written.append(int(state.step))
        save_checkpoint(session, state, journal)

    return save
