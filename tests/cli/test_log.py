"""`charloop train --log`: what a person types, sees, and is refused."""

import sys
from pathlib import Path

import pytest

from cli.commands import BRIEF, assert_refused, call, done
from training.event_files import curve


def test_a_log_is_made_remembered_and_left_out_again(book: Path) -> None:
    said = done(call("train", str(book), *BRIEF, "--output", "run", "--log", "tensorboard"))
    assert "note     the log goes to run/tensorboard, view it with tensorboard --logdir run" in said
    assert [step for step, _ in curve(Path("run"), "train/loss")] == [*range(1, 17)]
    done(call("train", "--resume", "run", "--steps", "20"))
    assert [step for step, _ in curve(Path("run"), "train/loss")] == [*range(1, 21)]
    assert "the log goes to" not in done(call("train", "--resume", "run", "--steps", "24", "--log"))
    assert [step for step, _ in curve(Path("run"), "train/loss")] == [*range(1, 21)]


@pytest.mark.parametrize(("name", "library"), [("tensorboard", "tensorboardX"), ("wandb", "wandb")])
def test_a_logger_without_its_library_is_refused(
    name: str, library: str, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    outcome = call("train", str(book), *BRIEF, "--output", "run", "--log", name)
    assert_refused(outcome, f"--log {name} needs {library}", do=f"pip install {library}")
    assert not [*Path().iterdir()]


def test_a_text_after_the_flag_is_not_taken_for_a_logger(book: Path) -> None:
    outcome = call("train", *BRIEF, "--output", "run", str(book), "--log", "tensorboard", "book.txt")
    assert_refused(outcome, "unknown logger", "book.txt", "tensorboard, wandb", "before --log")


def test_the_flag_replaces_the_files_setting(book: Path) -> None:
    Path("run.toml").write_text('[training]\nlog = ["tensorboard"]\n')
    done(call("train", str(book), *BRIEF, "--output", "with", "--config", "run.toml"))
    done(call("train", str(book), *BRIEF, "--output", "without", "--config", "run.toml", "--log"))
    assert Path("with/tensorboard").is_dir()
    assert not Path("without/tensorboard").exists()
