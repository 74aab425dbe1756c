"""Configuration files with invalid settings, and flags that exclude each other."""

from pathlib import Path

import pytest

from cli.commands import BRIEF, SMALL_RUN, call, prints, refused

FILES = {
    "[model]\nhiden_size = 3\n": "unknown key in [model]: got 'hiden_size'; allowed: cell, ",
    "[modle]\nhidden_size = 3\n": "unknown section: got 'modle'; allowed: data, model, training; did you mean",
    "hidden_size = 3\n": "hidden_size is outside its section; move it under [model]",
    "[data]\nhidden_size = 3\n": "hidden_size is not in [data]; move it to [model]",
    "model = 3\n": "[model]: got 3; allowed: a section of settings",
    "[model]\nhidden_size = 'big'\n": "hidden-size: got 'big'; allowed: a whole number",
    "[model]\nhidden_size = 0\n": "hidden-size: got 0; allowed: a whole number >= 1",
    "[training]\nlearning_rate = nan\n": "learning-rate: got nan; allowed: a number > 0.0",
    "[training]\noptimizer = 'adan'\n": "optimizer: got 'adan'; allowed: adam, adamw, rmsprop, sgd",
    "[model\n": "is not valid TOML",
    "a" + 20_000 * ".a" + " = 1\n": "line 1 has a key of more than 100 parts",
    "[model]\n'a'" + 101 * ".'b'" + " = 1\n": "line 2 has a key of more than 100 parts",
    "[model]\nhidden_size = " + 5_000 * "9": "is not valid TOML (Exceeds the limit",
    f"[training]\nseed = 0x{'f' * 5000}\n": "seed: got a number of thousands of digits; allowed: ",
    "[data]\nunit = 'word'\n": "unit: got 'word'; allowed: char, byte",
}


@pytest.mark.parametrize("content", FILES, ids=[content[:30] for content in FILES])
def test_a_configuration_file(content: str, tmp_path: Path, book: Path) -> None:
    file = tmp_path / "run.toml"
    file.write_text(content)
    line = refused(call("train", str(book), "--config", str(file)))
    assert str(file) in line
    assert FILES[content] in line
    assert list(tmp_path.iterdir()) == [file]


def test_an_unknown_key_is_named_with_its_section_and_the_nearest_known_one(
    tmp_path: Path, book: Path
) -> None:
    file = tmp_path / "run.toml"
    file.write_text("[model]\nhiden_size = 3\n")
    line = refused(call("train", str(book), "--config", str(file)))
    assert line.startswith(f"in {file}: unknown key in [model]: got 'hiden_size'")
    assert line.endswith("did you mean 'hidden_size'?")


def test_a_configuration_file_that_cannot_be_read(tmp_path: Path, book: Path) -> None:
    assert "(No such file or directory)" in refused(call("train", str(book), "--config", "no.toml"))
    assert "(Is a directory)" in refused(call("train", str(book), "--config", str(tmp_path)))
    file = tmp_path / "run.toml"
    file.write_bytes(b"\xff\xfe[")
    assert "(not UTF-8 text)" in refused(call("train", str(book), "--config", str(file)))


@pytest.mark.parametrize(
    "flag", ["--output x", "--init-from x", "--config x", "--preset tiny", "--overwrite"]
)
def test_what_does_not_go_with_resume(flag: str, copied: Path) -> None:
    before = prints(copied)
    line = refused(call("train", "--resume", str(copied), *flag.split()))
    assert line == f"{flag.split()[0]} and --resume do not go together; leave one out"
    assert prints(copied) == before


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--hidden-size 13", "--hidden-size cannot change in the middle of a run: got 13; allowed: 12"),
        ("--batch-size 8", "--batch-size cannot change in the middle of a run: got 8; allowed: 4"),
        (
            "--learning-rate 1",
            "--learning-rate cannot change in the middle of a run: got 1.0; allowed: 0.005",
        ),
        ("--dropout 0.5", "--dropout-between cannot change in the middle of a run: got 0.5; allowed: 0.0"),
        ("--seed 1", "--seed cannot change in the middle of a run: got 1; allowed: 0"),
    ],
)
def test_what_cannot_change_in_the_middle(flag: str, message: str, copied: Path) -> None:
    before = prints(copied)
    line = refused(call("train", "--resume", str(copied), *flag.split()))
    assert line == f"{message}; start a new run with --init-from"
    assert prints(copied) == before


def test_weights_of_another_network(trained: Path, book: Path, tmp_path: Path) -> None:
    before = prints(trained)
    line = refused(call("train", str(book), *SMALL_RUN, "--hidden-size", "13", "--init-from", str(trained)))
    assert line.startswith("--init-from: ")
    assert "ask for the same cell and sizes" in line
    assert prints(trained) == before
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_a_run_is_not_taken(copied: Path, book: Path) -> None:
    before = prints(copied)
    line = refused(call("train", str(book), *BRIEF, "--output", str(copied)))
    assert line.startswith(f"{copied} already holds a run; continue it with --resume {copied}")
    assert prints(copied) == before


@pytest.mark.parametrize("flags", [(), ("--overwrite",)])
def test_a_folder_that_holds_something_else_is_not_taken(
    flags: tuple[str, ...], book: Path, tmp_path: Path
) -> None:
    thesis = tmp_path / "work" / "thesis.tex"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    line = refused(call("train", str(book), *BRIEF, "--output", str(thesis.parent), *flags))
    assert line == f"{thesis.parent} is not empty, and not a run; choose another --output"
    assert [path.name for path in tmp_path.iterdir()] == ["work"]
    assert thesis.read_text() == "years of work"


def test_a_file_in_the_way(book: Path, tmp_path: Path) -> None:
    before = prints(book)
    line = refused(call("train", str(book), *BRIEF, "--output", str(book)))
    assert line == f"cannot make the folder {book} (File exists); choose another --output"
    below = book / "run"
    line = refused(call("train", str(book), *BRIEF, "--output", str(below)))
    assert line == f"cannot make the folder {below} (Not a directory); choose another --output"
    assert prints(book) == before
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(book: Path, locked: Path) -> None:
    line = refused(call("train", str(book), *BRIEF, "--output", str(locked / "run")))
    assert line == f"cannot make the folder {locked / 'run'} (Permission denied); choose another --output"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here is closed to everyone")
def test_a_folder_that_is_closed_to_everyone(book: Path) -> None:
    line = refused(call("train", str(book), *BRIEF, "--output", "/proc/self/run"))
    assert line.startswith("cannot make the folder /proc/self/run (")


def test_the_prompt(trained: Path, tmp_path: Path) -> None:
    run = str(trained)
    line = refused(call("sample", run, "--prompt", "the", "--prompt-file", "-"))
    assert line == "--prompt and --prompt-file do not go together; leave one out"
    line = refused(call("sample", run, "--prompt-file", "no.txt"))
    assert line == "cannot read the prompt no.txt (No such file or directory)"
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    assert (
        refused(call("sample", run, "--prompt-file", "latin"))
        == "the prompt in latin is not UTF-8, at byte 3"
    )
    line = refused(call("sample", run, "--prompt-file", "-", stdin=b"\xff"))
    assert line == "the prompt in standard input is not UTF-8, at byte 0"


def test_a_prompt_with_a_character_that_the_network_never_saw(trained: Path) -> None:
    line = refused(call("sample", str(trained), "--prompt", "the fox\nThe fox"))
    assert line.startswith("line 2, column 1: the character 'T' (U+0054) is not among the ")
    assert "nearest are 't'" in line
    assert "--unknown skip" in line
    skipped = call(
        "sample", str(trained), "--prompt", "tXhe", "--unknown", "skip", "--length", "9", "--no-echo"
    )
    assert skipped == call("sample", str(trained), "--prompt", "the", "--length", "9", "--no-echo")
    assert skipped.code == 0
