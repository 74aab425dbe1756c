"""`charloop report`: a complete page at the requested path; errors are one line."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from charloop import load
from charloop.evaluation import Difference
from charloop.report.learned import describe_gain, list_parts
from charloop.report.values import Learned
from cli.commands import assert_refused, call, done, files_limited_to, prints, process, refused
from cli.conftest import text_of
from cli.test_refused_texts import PATHS, TWO_CHARACTERS
from report.reading import data_of, numbers, read, section, visible


@pytest.fixture(scope="module")
def made(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run, on its own validation text."""
    path = tmp_path_factory.mktemp("pages") / "report.html"
    done(call("report", str(trained), "-o", str(path)))
    return path.read_text(encoding="utf-8")


def test_a_report_on_the_validation_text(made: str, trained: Path) -> None:
    read(made)
    assert "From val part of book.txt: " in visible(section(made, "surprise"))
    assert "has no samples" not in section(made, "samples")
    assert "temperature 0.8" in section(made, "samples")
    assert "people: the validation text" not in section(made, "originality"), "it is too short for that"
    assert "temperature 0.8" in section(made, "originality")
    info = done(call("info", str(trained)))
    assert info.splitlines()[1].split(maxsplit=1)[1] in visible(made)


def test_what_it_learned_while_reading(made: str, copied: Path) -> None:
    assert "learned while reading" not in made
    assert "learned" not in data_of(made)
    flags = ("--dynamic", "--dynamic-rate", "0.1")
    done(call("report", str(copied), "-o", "page.html", *flags))
    page = Path("page.html").read_text("utf-8")
    scored = json.loads(done(call("eval", str(copied), "--per-character", "costs.jsonl", *flags, "--json")))
    shown = visible(section(page, "learned"))
    for one in (scored, scored["dynamic"]):
        assert f"{one['bits_per_character']:.3f} bits per character" in shown
    network = load(copied)
    score = network.score(network.vocabulary.encode(text_of(60)), per_character=True)
    gain = Difference(0.5, 0.25, 0.75, 0.01, 9)
    words = describe_gain("a text", Learned(20, score, score, gain), "character")
    assert score.interval is not None
    assert score.per_character is not None
    low, high = score.interval.bits
    assert words.count(f" bits per character ({low:.3f} to {high:.3f})") == 2
    assert words.endswith("The difference is +0.721 (+0.361 to +1.082; 95 % confidence).")
    costs = [json.loads(line) for line in Path("costs.jsonl").read_text().splitlines()]
    static, dynamic = (numbers(packed, "<u2") / 1000 for packed in data_of(page)["learned"])
    assert static[1:] == pytest.approx([one["bits"] for one in costs], abs=0.001)
    assert dynamic[1:] == pytest.approx([one["dynamic_nats"] / math.log(2) for one in costs], abs=0.001)
    bits = score.bits_per_character
    half = replace(score, nats=score.nats / 2, per_character=score.per_character / 2)
    parts = list_parts(Learned(20, score, half, None))
    assert len(parts) == 10
    means = [sum(float(row[column]) for row in parts) / 10 for column in (1, 2, 3)]
    # The parts have nearly the same length.
    assert means == pytest.approx([bits, bits / 2, -bits / 2], rel=0.01)
    assert page.count('id="dynamic-text"') == 1
    assert_refused(call("report", str(copied), "--tune"), "--tune needs --dynamic", do="add --dynamic")


def test_a_report_without_a_path_lies_in_the_run(copied: Path) -> None:
    before = prints(copied)
    said = done(call("report", str(copied), "--characters", "100"))
    assert said.startswith(f"report      {copied}/report.html, 0.")
    after = prints(copied)
    assert after.keys() - before.keys() == {"copy/report.html"}
    assert {name: after[name] for name in before} == before


def test_an_existing_file_is_kept_without_overwrite(copied: Path) -> None:
    page = copied / "report.html"
    page.write_text("mine")
    assert_refused(call("report", str(copied)), f"--output: {page} is there already", do="--overwrite")
    assert page.read_text() == "mine"
    done(call("report", str(copied), "--text", "the quick fox", "--overwrite"))
    assert "From the given string" in page.read_text()


@pytest.mark.slow
def test_a_report_has_the_same_bytes_each_time(made: str, trained: Path) -> None:
    done(process("report", str(trained), "-o", "again.html"))
    assert Path("again.html").read_text(encoding="utf-8") == made


@pytest.mark.slow
def test_another_text_and_how_much_of_it(trained: Path) -> None:
    Path("other.txt").write_text(text_of(40, seed=3))
    done(call("report", str(trained), "other.txt", "-o", "a.html", "--characters", "50", "--weights", "last"))
    page = Path("a.html").read_text()
    embedded = data_of(page)
    symbols = embedded["symbols"]
    shown = "".join(symbols[number][0] for number in numbers(embedded["text"], "<u2"))
    assert shown == text_of(40, seed=3)[:50]
    assert f"From other.txt: 50 characters of {len(text_of(40, seed=3)):,}" in visible(page)
    done(call("report", str(trained), "-", "-o", "b.html", "--characters", "50", stdin="the fox sleeps"))
    assert "14 characters" in visible(Path("b.html").read_text())


def test_unknown_characters(trained: Path) -> None:
    assert "'F'" in refused(call("report", str(trained), "--text", "the FOX", "-o", "a.html"))
    Path("other.txt").write_text("the FOX sleeps\n")
    assert "'F'" in refused(call("report", str(trained), "other.txt", "-o", "a.html"))
    assert not Path("a.html").exists()
    done(call("report", str(trained), "other.txt", "-o", "a.html", "--unknown", "skip"))
    page = visible(Path("a.html").read_text())
    assert "12 characters" in page
    assert "skipped 3 characters that are not in the vocabulary" in page


@pytest.mark.slow
def test_into_a_pipe(trained: Path) -> None:
    page = done(process("report", str(trained), "--text", "the fox", "-o", "/dev/stdout"))
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], ("RUN is missing", None, None, "charloop report --help")),
        (["nowhere"], ("no such run", "nowhere", None, "`charloop train`")),
        (["RUN", "-o", "no/a.html"], ("--output: there is no folder no", None, None, "make it first")),
        (["RUN", "-o", "."], ("--output", ".", "a file", "that is a folder")),
        (["RUN", "--text", ""], ("a text to show", "0 characters the network knows", "2 or more")),
        (["RUN", "empty.txt"], ("empty.txt is empty", None, TWO_CHARACTERS)),
        (["RUN", "gone.txt"], ("no such file, folder or corpus", "gone.txt", PATHS)),
        (["RUN", "empty.txt", "--text", "a"], ("more than one text to show", None, None, "--text")),
        (["RUN", "--characters", "1"], ("--characters", 1, "a whole number >= 2")),
        (["RUN", "--characters", "99999"], ("--characters", 99999, "a whole number <= 20000")),
        (["RUN", "--seed", "-1"], ("--seed", -1, "a whole number >= 0")),
        (["RUN", "--overwite"], ("unknown flag", "--overwite", None, "--overwrite")),
    ],
)
def test_arguments_that_are_refused(arguments: list[str], error: tuple[Any, ...], trained: Path) -> None:
    Path("empty.txt").touch()
    output = [] if "-o" in arguments or not arguments else ["-o", "a.html"]
    named = [str(trained) if argument == "RUN" else argument for argument in arguments]
    assert_refused(call("report", *named, *output), *error)
    assert [path.name for path in Path().iterdir()] == ["empty.txt"]


def test_a_run_without_weights(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    assert_refused(call("report", str(copied)), f"{copied}/model.safetensors is missing")
    assert not (copied / "report.html").exists()


def test_the_page_says_that_a_text_has_changed(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    Path("book.txt").write_text(text_of(30, seed=9))
    config["data"]["corpus"] = [str(Path("book.txt").resolve())]
    (copied / "config.json").write_text(json.dumps(config))
    done(call("report", str(copied), "-o", "a.html"))
    page = Path("a.html").read_text()
    for name in ("surprise", "atlas", "originality"):
        assert "has changed since the run began" in section(page, name)
    done(call("report", str(copied), "book.txt", "-o", "b.html"))
    assert "From book.txt" in visible(Path("b.html").read_text())


def test_a_link_in_the_run_is_not_written_through(copied: Path) -> None:
    Path("letter.txt").write_text("mine")
    (copied / "report.html").symlink_to(Path("letter.txt").resolve())
    for flags in ((), ("--overwrite",)):
        outcome = call("report", str(copied), "--text", "the fox", *flags)
        assert_refused(outcome, "is not a regular file", do="--output")
    assert Path("letter.txt").read_text() == "mine"


def test_a_folder_in_which_nothing_can_be_made(locked: Path, trained: Path) -> None:
    outcome = call("report", str(trained), "--text", "the fox", "-o", f"{locked}/a.html")
    assert_refused(outcome, "cannot write")


@pytest.mark.usefixtures("made")
def test_a_disk_that_fills_up(trained: Path) -> None:
    """The page of `made` has compiled all programs and filled the caches: only the new page is larger than this."""
    Path("a.html").write_text("mine")
    with files_limited_to(20_000):
        outcome = call("report", str(trained), "-o", "a.html", "--overwrite")
    assert_refused(outcome, "cannot write a.html (File too large)", do="nothing was left there")
    assert Path("a.html").read_text() == "mine"
    assert [path.name for path in Path().iterdir()] == ["a.html"]


@pytest.mark.slow
def test_a_network_of_bytes(binary: tuple[Path, object], tmp_path: Path) -> None:
    run = Path(shutil.copytree(binary[0], tmp_path / "run"))
    Path("text.bin").write_bytes("é🚀\n".encode() * 20 + b"\xff\x00")
    done(call("report", str(run), "text.bin", "-o", "a.html"))
    page = Path("a.html").read_text()
    embedded = data_of(page)
    assert embedded["thing"] == "byte"
    assert "62 characters" in visible(page)
    assert ["", "\\xff", ""] in embedded["symbols"]
