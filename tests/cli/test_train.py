"""`charloop train`: from any text to a trained network, and what follows."""

import json
import re
import shutil
from pathlib import Path

import pytest

from charloop import RunConfig, load
from charloop.checkpoint import RunFolder
from cli.commands import BRIEF, ENDLESS, WITHOUT_OPTIONAL_LIBRARIES, Outcome, call, done, prints, process
from cli.conftest import text_of

ROW = re.compile(
    r"^ +\d[\d,]* +\d+\.\d\d +\d\.\d{3} +\d\.\d{3} +\d\.\d{3} +[\d,]* +\d+:\d\d"
    r"( \S+( \d\.\d\d)?)?( +best)?$"
)
FILES = [
    ".lock",
    "baselines.json",
    "checkpoints",
    "config.json",
    "metrics.jsonl",
    "model.safetensors",
    "samples",
    "vocabulary.json",
]


def config(run: str | Path) -> RunConfig:
    return RunFolder.open(Path(run)).config


def test_what_training_shows(training: tuple[Path, Outcome], book: Path) -> None:
    folder, outcome = training
    out = done(outcome)
    size = len(book.read_text())
    train = size * 9 // 10
    assert re.search(r"^model    lstm, 1 x 12, [\d,]+ parameters, 1 device$", out, re.MULTILINE)
    assert f"\ntext     book.txt, {size:,} characters, " in out
    assert re.search(r"^         sha256 [0-9a-f]{16}$", out, re.MULTILINE)
    assert f"\nsplit    {train:,} to train on, {size - train:,} to validate\n" in out
    chunks = (train // 4 - 1) // 16
    assert f"\nstep     4 batch rows x 16 characters, {chunks} steps an epoch\n" in out
    assert f"\nrun      {folder}\n" in out
    rows = [line for line in out.splitlines() if ROW.match(line)]
    assert [row.split()[0] for row in rows] == ["8", "16"]
    assert re.search(r"^done     the budget is used up after 16 steps, \d+:\d\d$", out, re.MULTILINE)
    assert re.search(
        r"^best     validation \d\.\d{3} nats = \d\.\d{3} bits per character, at step 16$", out, re.MULTILINE
    )
    assert re.search(r"^compare  uniform \d\.\d\d  unigram \d\.\d\d  2-gram ", out, re.MULTILINE)
    assert re.search(r"^rank     (better|worse) than .+ by \d\.\d\d( bits)?(, short of|$)", out, re.MULTILINE)
    assert out.endswith(f"\nmore:    charloop sample {folder} --length 1000 --temperature 0.8\n")
    samples = re.split(r"\n--- temperature (?:0\.5|0\.8|1\.0) ---\n", out.rpartition("\nmore:")[0])
    assert len(samples) == 4
    assert all(300 < len(sample) <= 402 for sample in samples[1:])


def test_nothing_but_text_goes_down_a_pipe(training: tuple[Path, Outcome]) -> None:
    out = training[1].out
    assert all(character.isprintable() or character == "\n" for character in out)


def test_what_training_leaves(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == FILES
    kinds = [json.loads(line)["kind"] for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert (kinds.count("step"), kinds.count("evaluation")) == (16, 2)


@pytest.mark.slow
def test_the_program_trains_the_same_without_optional_libraries(book: Path, trained: Path) -> None:
    out = done(process("train", str(book), *BRIEF, first=WITHOUT_OPTIONAL_LIBRARIES))
    assert "\nrun      runs/book-lstm\n" in out
    assert out.endswith("\nmore:    charloop sample runs/book-lstm --length 1000 --temperature 0.8\n")
    assert sorted(path.name for path in Path("runs/book-lstm").iterdir()) == FILES
    assert load("runs/book-lstm").sample(length=30) == load(trained).sample(length=30), "same seed, same run"


def test_many_kinds_of_text(tmp_path: Path) -> None:
    poems = tmp_path / "poems"
    poems.mkdir()
    for number in range(3):
        (poems / f"{number}.txt").write_text(text_of(20, seed=number))
    both = "".join((poems / f"{number}.txt").read_text() for number in range(2))
    for texts, name, content in (
        (["poems"], "3 files in poems/", None),
        (["poems/[01].txt"], "2 files matching poems/[01].txt", both),
        (["poems/0.txt", "poems/1.txt"], "0.txt and 1 more", both),
        (["-"], "standard input", both),
    ):
        out = done(
            call(
                "train", *texts, *BRIEF, "--steps", "2", "--output", f"run-{name[0]}{len(texts)}", stdin=both
            )
        )
        assert f"\ntext     {name}, " in out
        if content:
            assert f" {len(content):,} characters, " in out


def test_a_folder_is_named_after_its_text_and_cell(tmp_path: Path, book: Path) -> None:
    for name in ("book-lstm", "book-lstm-2", "book-lstm-3"):
        out = done(call("train", str(book), *BRIEF, "--steps", "2"))
        assert f"\nrun      runs/{name}\n" in out
    assert len(list((tmp_path / "runs").iterdir())) == 3


def test_resume_continues_where_the_run_stopped(copied: Path) -> None:
    out = done(call("train", "--resume", str(copied), "--steps", "24"))
    assert "\nresume   continues after step 16\n" in out
    assert [line.split()[0] for line in out.splitlines() if ROW.match(line)] == ["24"]
    assert "done     the budget is used up after 24 steps, " in out
    steps = [json.loads(line) for line in (copied / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if line["kind"] == "step"] == list(range(1, 25))
    assert config(copied).training.steps == 24


def test_resuming_a_run_whose_budget_is_used_up_says_so(copied: Path) -> None:
    before = {name: value for name, value in prints(copied).items() if not name.endswith("config.json")}
    out = done(call("train", "--resume", str(copied)))
    assert "\ndone     the budget is used up, after 16 steps, " in out
    assert "give a longer one, such as --minutes 10" in out
    after = {name: value for name, value in prints(copied).items() if not name.endswith("config.json")}
    assert after == before


def test_resume_finds_a_text_that_moved(copied: Path, book: Path, tmp_path: Path) -> None:
    moved = shutil.copy(book, tmp_path / "moved.txt")
    done(call("train", "--resume", str(copied), str(moved), "--steps", "18"))
    assert config(copied).data.corpus == (str(moved),)


def test_init_from_takes_weights_and_vocabulary(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(text_of(30, seed=9)[:1500].replace("river", "fox"))
    out = done(
        call(
            "train",
            str(other),
            *BRIEF,
            "--init-from",
            str(trained),
            "--learning-rate",
            "1e-6",
            "--output",
            "new",
        )
    )
    assert RunFolder.open(Path("new")).vocabulary == RunFolder.open(trained).vocabulary
    loss = float(re.findall(r"validation (\d\.\d+) nats", out)[0])
    fresh = done(call("train", str(other), *BRIEF, "--learning-rate", "1e-6", "--output", "fresh"))
    assert loss < float(re.findall(r"validation (\d\.\d+) nats", fresh)[0]) - 0.02


def test_init_from_needs_no_sizes_and_says_what_it_took_over(trained: Path) -> None:
    Path("other.txt").write_text(text_of(30, seed=9)[:1500] + "é\n" * 40, "utf-8")
    out = done(call("train", "other.txt", "--init-from", str(trained), "--steps", "2", "--output", "new"))
    assert "1 new character: 'é' (begins as 'e')" in " ".join(out.split())
    assert config(Path("new")).model.hidden_size == config(trained).model.hidden_size == 12
    assert set(RunFolder.open(Path("new")).vocabulary.symbols) > {"é", "e"}
    done(call("train", "--resume", "new", "--steps", "4"))


def test_overwrite_renames_a_run(copied: Path, book: Path) -> None:
    before = prints(copied)
    done(call("train", str(book), *BRIEF, "--steps", "2", "--output", str(copied), "--overwrite"))
    aside = prints(copied.with_name("copy~1"))
    assert {name.replace("copy~1", "copy"): value for name, value in aside.items()} == before
    assert config(copied).training.steps == 2


def test_a_kilobyte_works_out_of_the_box(tmp_path: Path) -> None:
    (tmp_path / "small.txt").write_text(text_of(30)[:1000])
    out = done(call("train", "small.txt", "--preset", "fast", "--steps", "4", "--hidden-size", "12"))
    assert "\nnote     900 tokens are too few for batch_size 32 x seq_length 64: using 3 x 64\n" in out
    assert "\nstep     3 batch rows x 64 characters, 4 steps an epoch\n" in out
    assert (config("runs/small-lstm").data.batch_size, config("runs/small-lstm").data.seq_length) == (3, 64)


def test_notes_tell_what_was_changed(tmp_path: Path) -> None:
    (tmp_path / "dos.txt").write_bytes(text_of(20).replace("\n", "\r\n").encode())
    out = done(call("train", "dos.txt", *BRIEF, "--steps", "2"))
    assert "\nnote     normalised 20 CRLF line ends to LF\n" in out


def test_bytes_of_anything(binary: tuple[Path, Outcome]) -> None:
    out = done(binary[1])
    assert " 2,048 bytes, 256 distinct\n" in out
    assert "\nstep     4 batch rows x 16 bytes, " in out


def test_samples_on_the_way(book: Path) -> None:
    out = done(call("train", str(book), *BRIEF, "--sample-every", "1", "--output", "run"))
    for step in (8, 16):
        for temperature in (0.5, 0.8, 1.0):
            assert f"\nstep {step}, temperature {temperature}\n" in out
    assert len(list(Path("run/samples").iterdir())) == 2


@pytest.mark.parametrize("limit", [("--epochs", "1"), ("--minutes", "0.02")])
def test_other_budgets(limit: tuple[str, str], book: Path) -> None:
    out = done(call("train", str(book), *ENDLESS, *limit, "--output", "run"))
    assert "done     the budget is used up after " in out


def test_patience_ends_a_run(book: Path) -> None:
    flags = (*BRIEF, "--steps", "400", "--learning-rate", "1e-9", "--weight-decay", "0", "--eval-every", "2")
    out = done(call("train", str(book), *flags, "--patience", "2", "--beta1", "0", "--output", "run"))
    assert re.search(r"^done     no better for 2 evaluations after \d+ steps, ", out, re.MULTILINE)
