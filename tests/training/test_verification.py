"""A repeated run gives the same results; a change of one bit anywhere is found and named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import load_tensors, save_tensors
from charloop.errors import CharloopError
from charloop.training.verification import Check, Repetition
from checkpoint.files import edit
from refusing import refused
from training.runs import Run, configure, improving, newest_checkpoint, run


def verify(run: Path, steps: int = 0) -> list[Check]:
    return Repetition.of(run, steps=steps).run()


@pytest.fixture
def copied(tmp_path: Path, whole: Run) -> Path:
    """A copy of the run of 40 steps, saved at 30 and 40."""
    return Path(shutil.copytree(whole.folder, tmp_path / "run"))


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose last step has samples and the best weights."""
    folder = tmp_path_factory.mktemp("sampled")
    return run(folder / "run", improving(folder, steps=20, eval_every=10, sample_every=1)).folder


def test_everything_saved_is_compared(sampled: Path) -> None:
    checks = verify(sampled)
    assert [check.difference for check in checks] == [None] * 5
    names = [
        "losses and gradients of 10 steps",
        "training state of step 20",
        "validation loss",
        "best weights",
    ]
    assert [check.what.startswith(name) for check, name in zip(checks, [*names, "samples"], strict=True)]


def test_verifying_changes_no_file(copied: Path) -> None:
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    verify(copied)
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("steps", "stop", "whole_state"), [(0, 40, True), (4, 34, False), (10, 40, True)])
def test_as_many_steps_are_repeated_as_asked_for(
    copied: Path, steps: int, stop: int, whole_state: bool
) -> None:
    found = Repetition.of(copied, steps=steps)
    assert (found.start, found.stop) == (30, stop)
    assert any("training state" in check.what for check in found.run()) == whole_state
    assert bool(found.notes) != whole_state


def nudge(array: np.ndarray) -> None:
    """Change one number to the next one that float32 has."""
    array.flat[array.size // 2] = np.nextafter(array.flat[array.size // 2], np.float32(np.inf))


def shift(array: np.ndarray) -> None:
    """Change it enough to affect the results."""
    array += np.float32(0.01)


def change_tensor(path: Path, name: str, change: Callable[[np.ndarray], None] = nudge) -> None:
    tensors, metadata = load_tensors(path)
    change(tensors[name])
    save_tensors(path, tensors, metadata)


def next_number(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(np.inf)))


def change_line(
    run: Path, kind: str, step: int, name: str, change: Callable[[float], float] = next_number
) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        if (line["kind"], line["step"]) == (kind, step):
            line[name] = change(line[name])
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def change_sample(run: Path) -> None:
    (file,) = (run / "samples").glob("*20.txt")
    file.write_text(file.read_text() + "x")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a weight of the checkpoint it starts from": (
        lambda run: change_tensor(
            run / "checkpoints" / "step-000000010.safetensors", "params/embedding.weight", shift
        ),
        "losses and gradients",
    ),
    "a weight": (
        lambda run: change_tensor(newest_checkpoint(run), "params/rnn.weight_hh_l1"),
        "training state",
    ),
    "memory": (lambda run: change_tensor(newest_checkpoint(run), "carry/0/hidden"), "training state"),
    "a best weight": (lambda run: change_tensor(run / "model.safetensors", "readout.bias"), "best weights"),
    "a loss": (lambda run: change_line(run, "step", 13, "loss"), "losses and gradients"),
    "a gradient": (lambda run: change_line(run, "step", 20, "gradient_norm"), "losses and gradients"),
    "a rate": (
        lambda run: change_line(run, "step", 11, "learning_rate", lambda rate: 2 * rate),
        "losses and gradients",
    ),
    "an evaluation": (lambda run: change_line(run, "evaluation", 20, "loss"), "validation loss"),
    "a sample": (change_sample, "samples"),
    "the best weights cut short": (
        lambda run: (run / "model.safetensors").write_bytes(b""),
        "best weights",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_changed_bit_is_found_and_named(tmp_path: Path, sampled: Path, name: str) -> None:
    run = Path(shutil.copytree(sampled, tmp_path / "run"))
    change, what = CHANGES[name]
    change(run)
    found = [check.what for check in verify(run) if check.difference]
    assert [difference.startswith(what) for difference in found] == [True]


def test_the_first_step_that_differs_is_named(copied: Path) -> None:
    change_line(copied, "step", 33, "loss")
    change_line(copied, "step", 35, "loss")
    (check,) = verify(copied)
    assert check.difference is not None
    assert check.difference.startswith("loss of step 33: ")


def test_a_run_of_minutes_is_repeated_by_the_rates_it_wrote_down(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.test_schedule import Clock

    monkeypatch.setattr("charloop.training.loop.time", Clock())
    config = configure(text, steps=None, minutes=1.0, eval_every=None, decay="linear")
    made = run(tmp_path / "run", config)
    assert [check.difference for check in verify(made.folder)][:2] == [None, None]


def test_from_the_only_checkpoint_as_far_as_the_metrics_go(copied: Path) -> None:
    newest_checkpoint(copied).unlink()
    found = Repetition.of(copied)
    assert (found.start, found.stop, found.goal) == (30, 40, None)
    assert [check.difference for check in found.run()] == [None]


def test_a_run_with_one_checkpoint_and_nothing_after_it_is_refused(copied: Path) -> None:
    (copied / "checkpoints" / "step-000000030.safetensors").unlink()
    with refused("one checkpoint, and nothing after it", do="--keep-checkpoints 2"):
        verify(copied)


def test_steps_that_were_not_written_down(copied: Path) -> None:
    lines = (copied / "metrics.jsonl").read_text().splitlines(keepends=True)
    (copied / "metrics.jsonl").write_text("".join(line for line in lines if '"step": 35' not in line))
    with refused("metrics.jsonl says nothing of step 35", do="copy it from where it is whole"):
        verify(copied)


def test_a_damaged_checkpoint_is_reported(tmp_path: Path, text: Path) -> None:
    config = configure(text, steps=12, eval_every=4, keep_checkpoints=3)
    made = run(tmp_path / "run", config)
    newest_checkpoint(made.folder).write_bytes(b"damaged")
    found = Repetition.of(made.folder)
    assert (found.start, found.stop) == (4, 8)
    assert "is damaged" in found.notes[0]
    assert [check.difference for check in found.run() if "weights" not in check.what] == [None] * 3


def test_another_machine_is_reported(copied: Path) -> None:
    edit(copied / "config.json", lambda v: v["made_with"][0].update(jax="0.0.1"))
    (note,) = Repetition.of(copied).notes
    assert note.startswith("made with jax 0.0.1, now jax ")


def test_a_checkpoint_whose_step_is_not_a_number_is_refused(copied: Path) -> None:
    path = newest_checkpoint(copied)
    tensors, metadata = load_tensors(path)
    save_tensors(path, tensors | {"step": tensors["step"][None]}, metadata)
    with pytest.raises(CharloopError, match=f"{path} is not of this run"):
        verify(copied)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (None, r"the metrics are damaged: learning rate nan of step 31"),
        ("fast", r"metrics\.jsonl says nothing of step 31"),
        ([1.0], r"metrics\.jsonl says nothing of step 31"),
    ],
)
def test_an_invalid_learning_rate_is_refused(copied: Path, rate: object, message: str) -> None:
    lines = [json.loads(line) for line in (copied / "metrics.jsonl").read_text().splitlines()]
    changed = [line | ({"learning_rate": rate} if line["kind"] == "step" else {}) for line in lines]
    (copied / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed))
    with pytest.raises(CharloopError, match=message):
        verify(copied)
