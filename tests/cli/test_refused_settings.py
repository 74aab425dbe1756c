"""Configuration files with invalid settings, and flags that exclude each other."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from charloop.config import ModelConfig
from cli.commands import BRIEF, SMALL_RUN, assert_refused, call, done, prints, refused

LONG_NUMBER = f"[training]\nseed = 0x{'f' * 5000}\n"
FILES: dict[str, tuple[Any, ...]] = {
    "[modle]\nhidden_size = 3\n": ("unknown section", "modle", "data, model, training", "'model'"),
    "hidden_size = 3\n": ("hidden_size is outside its section", None, None, "[model]"),
    "[data]\nhidden_size = 3\n": ("hidden_size is not in [data]", None, None, "[model]"),
    "model = 3\n": ("[model]", 3, "a section of settings"),
    "[model]\nhidden_size = 'big'\n": ("hidden-size", "big", "a whole number"),
    "[model]\nhidden_size = 0\n": ("hidden-size", 0, "a whole number >= 1"),
    "[training]\nlearning_rate = nan\n": ("learning-rate", math.nan, "a number > 0.0"),
    "[training]\noptimizer = 'adan'\n": ("optimizer", "adan", "adam, adamw, muon, rmsprop, sgd"),
    "[model\n": ("is not valid TOML",),
    "a" + 20_000 * ".a" + " = 1\n": ("line 1 has a key of more than 100 parts",),
    "[model]\n'a'" + 101 * ".'b'" + " = 1\n": ("line 2 has a key of more than 100 parts",),
    "[model]\nhidden_size = " + 5_000 * "9": ("is not valid TOML (Exceeds the limit",),
    LONG_NUMBER: ("seed", int("f" * 5000, 16), "a whole number <= 4294967295"),
    "[data]\nunit = 'word'\n": ("unit", "word", "char, byte"),
}


@pytest.mark.parametrize("content", FILES, ids=[content[:30] for content in FILES])
def test_a_configuration_file(content: str, tmp_path: Path, book: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(content)
    outcome = call("train", str(book), "--config", str(file))
    assert_refused(outcome, *FILES[content])
    assert str(file) in outcome.err
    assert list(tmp_path.iterdir()) == [file]


def test_an_unknown_key_is_named_with_its_section_and_the_nearest_known_one(
    tmp_path: Path, book: Path
) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[model]\nhiden_size = 3\n")
    names = ", ".join(sorted(field.name for field in fields(ModelConfig)))
    outcome = call("train", str(book), "--config", str(file))
    assert_refused(outcome, f"{file}: unknown key in [model]", "hiden_size", names, "'hidden_size'")


def test_a_configuration_file_that_cannot_be_read(tmp_path: Path, book: Path) -> None:
    assert_refused(call("train", str(book), "--config", "no.toml"), "no.toml (No such file or directory)")
    assert_refused(call("train", str(book), "--config", str(tmp_path)), f"{tmp_path} (Is a directory)")
    file = tmp_path / "run.toml"
    file.write_bytes(b"\xff\xfe[")
    assert_refused(call("train", str(book), "--config", str(file)), f"{file} (not UTF-8 text)")


@pytest.mark.parametrize(
    "flag", ["--output x", "--init-from x", "--config x", "--preset tiny", "--overwrite"]
)
def test_what_does_not_go_with_resume(flag: str, copied: Path) -> None:
    before = prints(copied)
    outcome = call("train", "--resume", str(copied), *flag.split())
    assert_refused(outcome, f"{flag.split()[0]} and --resume", do="leave one out")
    assert prints(copied) == before


@pytest.mark.parametrize(
    ("flag", "name", "got", "allowed"),
    [
        ("--hidden-size 13", "--hidden-size", 13, "12"),
        ("--batch-size 8", "--batch-size", 8, "4"),
        ("--learning-rate 1", "--learning-rate", 1.0, "0.005"),
        ("--dropout 0.5", "--dropout-between", 0.5, "0.0"),
        ("--seed 1", "--seed", 1, "0"),
    ],
)
def test_a_setting_that_cannot_change_in_the_middle_of_a_run(
    flag: str, name: str, got: float, allowed: str, copied: Path
) -> None:
    before = prints(copied)
    outcome = call("train", "--resume", str(copied), *flag.split())
    assert_refused(outcome, f"{name} cannot change", got, allowed, "--init-from")
    assert prints(copied) == before


def test_a_run_may_be_continued_with_an_average_which_then_stays(copied: Path) -> None:
    done(call("train", "--resume", str(copied), "--average-decay", "0.5", "--steps", "17"))
    outcome = call("train", "--resume", str(copied), "--average-decay", "0.6", "--steps", "18")
    assert_refused(outcome, "--average-decay cannot change", 0.6, "0.5", "--init-from")


def test_weights_of_another_network(trained: Path, book: Path, tmp_path: Path) -> None:
    before = prints(trained)
    outcome = call("train", str(book), *SMALL_RUN, "--hidden-size", "13", "--init-from", str(trained))
    assert_refused(
        outcome, "--init-from: --hidden-size is not the same", 13, "12, that run's own", "leave it out"
    )
    assert prints(trained) == before
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_a_run_is_not_taken(copied: Path, book: Path) -> None:
    before = prints(copied)
    outcome = call("train", str(book), *BRIEF, "--output", str(copied))
    assert_refused(outcome, f"{copied} already holds a run", do=f"--resume {copied}")
    assert prints(copied) == before


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_a_folder_that_holds_something_else_is_not_taken(
    flags: tuple[str, ...], book: Path, tmp_path: Path
) -> None:
    thesis = tmp_path / "work" / "thesis.tex"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    outcome = call("train", str(book), *BRIEF, "--output", str(thesis.parent), *flags)
    assert_refused(outcome, f"{thesis.parent} is not empty", do="--output")
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert thesis.read_text() == "years of work"


def test_a_file_in_the_way(book: Path, tmp_path: Path) -> None:
    before = prints(book)
    below = book / "run"
    for folder, reason in ((book, "File exists"), (below, "Not a directory")):
        outcome = call("train", str(book), *BRIEF, "--output", str(folder))
        assert_refused(outcome, f"{folder} ({reason})", do="--output")
    assert prints(book) == before
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(book: Path, locked: Path) -> None:
    outcome = call("train", str(book), *BRIEF, "--output", str(locked / "run"))
    assert_refused(outcome, f"{locked / 'run'} (Permission denied)", do="--output")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here is closed to everyone")
def test_a_folder_that_is_closed_to_everyone(book: Path) -> None:
    outcome = call("train", str(book), *BRIEF, "--output", "/proc/self/run")
    assert_refused(outcome, "cannot make the folder /proc/self/run (", do="--output")


def test_the_prompt(trained: Path, tmp_path: Path) -> None:
    run = str(trained)
    outcome = call("sample", run, "--prompt", "the", "--prompt-file", "-")
    assert_refused(outcome, "--prompt and --prompt-file", do="leave one out")
    assert_refused(call("sample", run, "--prompt-file", "no.txt"), "no.txt (No such file or directory)")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    assert_refused(call("sample", run, "--prompt-file", "latin"), "latin is not UTF-8, at byte 3")
    outcome = call("sample", run, "--prompt-file", "-", stdin=b"\xff")
    assert_refused(outcome, "standard input is not UTF-8, at byte 0")


def test_a_prompt_with_a_character_that_the_network_never_saw(trained: Path) -> None:
    line = refused(call("sample", str(trained), "--prompt", "the fox\nThe fox"))
    assert "line 2, column 1: the character 'T' (U+0054)" in line
    assert "nearest are 't'" in line
    assert "--unknown skip" in line
    skipped = call(
        "sample", str(trained), "--prompt", "tXhe", "--unknown", "skip", "--length", "9", "--no-echo"
    )
    assert skipped == call("sample", str(trained), "--prompt", "the", "--length", "9", "--no-echo")
    assert skipped.code == 0
