"""`charloop train --log`: what a person types, sees, and is refused."""

from pathlib import Path

from cli.commands import BRIEF, call, done, process, refused
from training.event_files import curve


def test_a_log_is_made_remembered_and_left_out_again(book: Path) -> None:
    said = done(process("train", str(book), *BRIEF, "--output", "run", "--log", "tensorboard"))
    assert "note     the log goes to run/tensorboard, view it with tensorboard --logdir run" in said
    assert [step for step, _ in curve(Path("run"), "train/loss")] == [*range(1, 17)]
    done(call("train", "--resume", "run", "--steps", "20"))
    assert [step for step, _ in curve(Path("run"), "train/loss")] == [*range(1, 21)]
    assert "the log goes to" not in done(call("train", "--resume", "run", "--steps", "24", "--log"))
    assert [step for step, _ in curve(Path("run"), "train/loss")] == [*range(1, 21)]


def test_without_the_library(book: Path) -> None:
    for name, library in (("tensorboard", "tensorboardX"), ("wandb", "wandb")):
        without = f"import sys; sys.modules['{library}'] = None"
        flags = ("--output", "run", "--log", name)
        said = refused(process("train", str(book), *BRIEF, *flags, first=without))
        assert said == f"--log {name} needs {library}; pip install {library}"
        assert not [*Path().iterdir()]


def test_nothing_else_needs_it(book: Path) -> None:
    without = "import sys; sys.modules['tensorboardX'] = sys.modules['wandb'] = None"
    done(process("train", str(book), *BRIEF, "--output", "run", first=without))


def test_a_text_after_the_flag_is_not_taken_for_a_logger(book: Path) -> None:
    said = refused(call("train", *BRIEF, "--output", "run", str(book), "--log", "tensorboard", "book.txt"))
    assert said == (
        "unknown logger: got 'book.txt'; allowed: tensorboard, wandb; a text to train on goes before --log"
    )


def test_the_flag_replaces_the_files_setting(book: Path) -> None:
    Path("run.toml").write_text('[training]\nlog = ["tensorboard"]\n')
    done(call("train", str(book), *BRIEF, "--output", "with", "--config", "run.toml"))
    done(call("train", str(book), *BRIEF, "--output", "without", "--config", "run.toml", "--log"))
    assert Path("with/tensorboard").is_dir()
    assert not Path("without/tensorboard").exists()
