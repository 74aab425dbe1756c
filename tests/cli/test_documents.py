"""Documents on the command line: trained on, written, scored; what does not go together is one line."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charloop.baselines import BASELINES_FILE, read_baselines
from charloop.checkpoint import RunFolder
from charloop.cli.main import main
from charloop.trained import load
from choosing import slow
from cli.commands import BRIEF, ENDLESS, Outcome, assert_refused, call, done, process
from cli.conftest import WORDS, text_of

DOCUMENTS = ("--documents", "line", "--shuffle", "--test-fraction", "0.1")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run on lines, to be read only, and what its training wrote."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "lines.txt").write_text(text_of(60, seed=1).replace(" ", "\n"))
    run = folder / "run"
    return run, call("train", str(folder / "lines.txt"), *BRIEF, *DOCUMENTS, "--output", str(run))


@pytest.fixture(scope="module")
def run(lines: tuple[Path, Outcome]) -> Path:
    assert lines[1].code == 0, lines[1].err
    return lines[0]


def test_training_shows_documents_and_how_to_write_more(lines: tuple[Path, Outcome], run: Path) -> None:
    out = lines[1].out
    assert f"more:    charloop sample {run} --documents 20 --temperature 0.8" in out
    shown = out.partition("--- temperature 1.0 ---\n")[2].partition("\n\nmore:")[0].split("\n")
    assert 1 < len(shown) <= 20
    config = json.loads((run / "config.json").read_text())
    assert (config["data"]["documents"], config["data"]["shuffle"]) == ("line", True)
    assert json.loads((run / "vocabulary.json").read_text())["documents"] == "line"
    size = f"lines.txt, 480 documents, {config['text']['characters']:,} characters"
    assert f"\ntext     {size}" in out
    assert f"\ntext        {size}" in done(call("info", str(run)))


def test_the_parts_of_the_text_are_whole_documents(run: Path) -> None:
    counts = [
        len(call("eval", str(run), "--split", part, "--per-document", "-").out.splitlines())
        for part in ("train", "val", "test")
    ]
    assert sum(counts) == 480
    assert min(counts) > 20


def test_baselines_without_a_network_are_those_of_the_run(run: Path) -> None:
    flags = ("baselines", str(run.parent / "lines.txt"), *DOCUMENTS, "--json")
    found = json.loads(done(call(*flags)))
    trained = read_baselines(run / BASELINES_FILE)
    assert trained is not None
    nats = [one["nats_per_character"] for one in found["baselines"]]
    assert nats == [one.nats for one in trained.entries]
    assert any("stand in the training text too" in note for note in found["notes"])
    other = json.loads(done(call(*flags, "--seed", "1")))
    assert [one["nats_per_character"] for one in other["baselines"]] != nats


@pytest.fixture
def two_files(tmp_path: Path) -> tuple[str, str]:
    """Lines that begin with the number of their file and end with a letter that says where in it they are."""
    for number in (1, 2):
        words = text_of(1, seed=number).replace("\n", " ")
        lines = "".join(f"{number} {words[:20]}{letter}\n" for letter in "abcdefghijklmnopqrst")
        (tmp_path / f"{number}.txt").write_text(lines)
    return str(tmp_path / "1.txt"), str(tmp_path / "2.txt")


def validation_documents(run: Path) -> list[str]:
    out = call("eval", str(run), "--split", "val", "--per-document", "-").out
    return [json.loads(line)["text"] for line in out.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_the_end_of_each_file_is_held_out(two_files: tuple[str, str]) -> None:
    """And by a run of a former version, which does not say so, the end of all."""
    flags = (*two_files, "--documents", "line", *BRIEF, "--validation-fraction", "0.2")
    assert call("train", *flags, "-o", "each").code == 0
    held_out = validation_documents(Path("each"))
    assert sorted(line[0] + line[-1] for line in held_out) == [
        f"{number}{letter}" for number in "12" for letter in "qrst"
    ]
    assert "'line', in their order, the end of each file held out" in done(call("info", "each"))
    assert call("train", "--resume", "each", "--steps", "20").code == 0
    assert validation_documents(Path("each")) == held_out
    config = json.loads(Path("each/config.json").read_text())
    del config["data"]["hold_out"]
    Path("each/config.json").write_text(json.dumps(config))
    assert {line[0] for line in validation_documents(Path("each"))} == {"2"}


def test_documents_are_written_one_a_line(run: Path) -> None:
    out = call("sample", str(run), "--documents", "7", "--seed", "3", "--max-length", "40").out
    network = load(run)
    written = [document.text for document in network.documents(seed=3, max_length=40).take(7)]
    assert out == "".join(text + "\n" for text in written)
    with_prompt = call("sample", str(run), "--documents", "3", "--prompt", "fo", "--max-length", "9")
    assert [line[:2] for line in with_prompt.out.splitlines()] == ["fo"] * 3


def test_documents_for_programs(run: Path) -> None:
    outcome = call("sample", str(run), "--documents", "9", "--seed", "3", "--json", "--max-length", "3")
    records = [json.loads(line) for line in outcome.out.splitlines()]
    assert [list(record) for record in records] == [["text", "characters", "nats", "ended"]] * 9
    cut = [record for record in records if not record["ended"]]
    assert 0 < len(cut) <= 9
    assert {record["characters"] for record in cut} == {3}
    plural = "document did not end, and was" if len(cut) == 1 else "documents did not end, and were"
    assert f"note: {len(cut)} {plural} cut at --max-length\n" in outcome.err


def test_what_was_left_out_is_counted(run: Path) -> None:
    outcome = call("sample", str(run), "--documents", "30", "--seed", "3", "--new", "--unique")
    texts = outcome.out.splitlines()
    assert (outcome.code, len(set(texts))) == (0, 30)
    assert not set(texts) & set(WORDS)


@pytest.mark.slow
def test_a_pipe_that_is_closed_early_ends_it(run: Path) -> None:
    import subprocess

    from cli.commands import program

    arguments = program("sample", str(run), "--documents", "100000", "--max-length", "5")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.readline()
        running.stdout.close()
        assert "Traceback" not in running.stderr.read()


def test_the_cost_of_each_document(run: Path) -> None:
    Path("some.txt").write_text("quick\n\nsleeps\r\nfox")
    records = [
        json.loads(line)
        for line in call("eval", str(run), "some.txt", "--per-document", "-").out.splitlines()
    ]
    assert [record["text"] for record in records] == ["quick", "sleeps", "fox"]
    assert [record["number"] for record in records] == [1, 2, 3]
    network = load(run)
    for record in records:
        score = network.evaluate(record["text"])
        assert record["characters"] == len(record["text"])
        assert record["nats"] == pytest.approx(score.nats, rel=1e-5)
        assert record["bits_per_character"] == pytest.approx(score.bits_per_character, rel=1e-5)
    by_surprise = call("eval", str(run), "some.txt", "--per-document", "-", "--sort", "surprise").out
    bits = [json.loads(line)["bits_per_character"] for line in by_surprise.splitlines()]
    assert bits == sorted((record["bits_per_character"] for record in records), reverse=True)
    score = json.loads(done(call("eval", str(run), "some.txt", "--json")))
    assert score["nats_per_character"] * score["characters"] == pytest.approx(
        sum(r["nats"] for r in records), rel=1e-5
    )
    assert score["read_from"] == "the beginning of a document"


@pytest.mark.parametrize("command", ["info RUN", slow("sample RUN --documents 5 --max-length 9")])
def test_output_that_does_not_fit_is_one_line(run: Path, command: str) -> None:
    import subprocess
    import sys

    arguments = [str(run) if word == "RUN" else word for word in command.split()]
    with Path("/dev/full").open("w") as full:
        made = subprocess.run(
            [sys.executable, "-m", "charloop", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    lines = [line for line in made.stderr.splitlines() if not line.startswith("note: ")]
    assert (made.returncode, lines) == (
        2,
        ["charloop: cannot write the output (No space left on device); make room"],
    )


@pytest.mark.parametrize("unit", ["character", slow("byte")])
def test_the_end_of_a_document_has_no_character(run: Path, tmp_path: Path, unit: str) -> None:
    if unit == "byte":
        (tmp_path / "text.txt").write_text("fox\nthe\n" * 200)
        flags = (*BRIEF, *DOCUMENTS, "--unit", "byte", "--output", str(tmp_path / "run"))
        done(call("train", str(tmp_path / "text.txt"), *flags))
        run = tmp_path / "run"
    outcome = call("eval", str(run), "--text", "fox\nthe", "--per-character", "-")
    found = [json.loads(line)[unit] for line in outcome.out.splitlines()]
    shown = [*"fox", None, *"the", None]
    assert found == (shown if unit == "character" else [one and ord(one) for one in shown])


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_vectors_of_no_document_are_refused(run: Path, tmp_path: Path, text: str) -> None:
    outcome = call("vectors", str(run), "--text", text, "-o", str(tmp_path / "v.npz"))
    assert_refused(outcome, "the given string has no document", do="name a text")
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_marks_what_costs_more_than_the_validation_text(run: Path) -> None:
    own = [json.loads(line) for line in call("eval", str(run), "--per-document", "-").out.splitlines()]
    limit = np.quantile([record["bits_per_character"] for record in own], 0.2)
    Path("odd.txt").write_text("fox\nvvvqqqxxx\nthe\n")
    outcome = call("eval", str(run), "odd.txt", "--per-document", "-", "--threshold", "0.2")
    records = [json.loads(line) for line in outcome.out.splitlines()]
    assert [record["above"] for record in records] == [r["bits_per_character"] > limit for r in records]
    assert any(record["above"] for record in records)
    assert outcome.code == 1
    assert f"than {limit:.3f} bits per character" in outcome.err
    none = call("eval", str(run), "--text", "the", "--per-document", "-", "--threshold", "1")
    assert (none.code, json.loads(none.out)["above"]) == (0, False)


def test_info_shows_what_a_document_is(run: Path, trained: Path) -> None:
    assert "documents   'line', in random order\n" in done(call("info", str(run)))
    assert "documents" not in done(call("info", str(trained)))


@pytest.mark.parametrize("command", ["info", "verify", slow("report"), "eval"])
def test_other_commands_read_a_run_of_documents(run: Path, command: str) -> None:
    done(call(command, str(run), *(["--output", "page.html"] if command == "report" else [])))


def test_a_run_of_documents_resumes_to_the_same_bits(lines: tuple[Path, Outcome]) -> None:
    start = ("train", str(lines[0].parent / "lines.txt"), *ENDLESS, *DOCUMENTS, "--decay", "constant")
    done(call(*start, "--steps", "16", "--output", "whole"))
    done(call(*start, "--steps", "8", "--output", "half"))
    done(call("train", "--resume", "half", "--steps", "16"))
    assert Path("half/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()


def test_weights_of_a_run_of_documents_start_another(run: Path) -> None:
    Path("more.txt").write_text("fox\nover\nthe\nlazy\n" * 40)
    frozen = ("--freeze", "embedding,layer0")
    out = done(call("train", "more.txt", *BRIEF, *frozen, "--init-from", str(run), "--output", "next"))
    assert "\nfrozen   embedding, layer0\n" in out
    assert "\nmore:    charloop sample next --documents 20 " in out
    assert "\nfrozen      embedding, layer0\n" in done(call("info", "next"))
    assert RunFolder.open(Path("next")).vocabulary.documents == "line"
    assert_refused(
        call("train", "more.txt", *BRIEF, "--init-from", str(run), "--documents", "file"),
        "--documents",
        "file",
        "line, that run's own",
    )


REFUSED: dict[str, tuple[Any, ...]] = {
    "sample RUN --unique": ("--unique needs --documents",),
    "sample RUN --documents 0": ("--documents", 0, "a whole number >= 1"),
    "sample RUN --documents 2 --length 9": ("--length and --documents", None, None, "use --max-length"),
    "sample RUN --documents 2 --context the": ("--context and --documents",),
    "sample RUN --documents 2 --regex a+": ("--regex and --documents", None, None, "leave --regex out"),
    "sample RUN --documents 2 --best-of 0": ("--best-of", 0, "a whole number >= 1"),
    "sample RUN --documents 2 --max-length 0": ("--max-length", 0, "a whole number >= 1"),
    "sample TRAINED --documents 2": ("this network was trained on one text", None, None, "--documents line"),
    "eval TRAINED --per-document -": ("this network was trained on one text", None, None, "--documents line"),
    "eval RUN --sort surprise": ("--sort needs --per-document",),
    "eval RUN --threshold 0.9": ("--threshold needs --per-document",),
    "eval RUN --per-document - --threshold 1.5": ("--threshold", 1.5, "a share from 0 to 1"),
    "eval RUN --per-document - --per-character -": ("--per-character and --per-document", "- more than once"),
    "eval RUN --per-document - --limit 9": ("--per-document and --limit",),
    "eval RUN --per-document - --context a": ("--per-document and --context",),
    "eval RUN --text fox --context a": ("--context and a network of documents",),
    "train TEXT --shuffle --steps 1": ("--shuffle", None, None, "--documents line"),
    "train TEXT --init-from TRAINED --documents line": (
        "--documents does not go with --init-from",
        "line",
        "one text, that run's own",
    ),
    "train TEXT --documents lines": ("the whole text is one document", None, None, "--documents line?"),
    "train TEXT --documents \\n --steps 1": (
        "--documents",
        "\\n",
        "line, blank-line, file, or a separator that is not only newlines",
    ),
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_does_not_go_together_is_refused(command: str, run: Path, trained: Path, book: Path) -> None:
    names = {"RUN": str(run), "TRAINED": str(trained), "TEXT": str(book)}
    assert_refused(call(*(names.get(word, word) for word in command.split())), *REFUSED[command])


@pytest.mark.slow
def test_a_program_of_its_own_writes_the_same(run: Path) -> None:
    arguments = ("sample", str(run), "--documents", "3", "--seed", "5")
    assert process(*arguments).out == call(*arguments).out


def test_documents_follow_the_bias(run: Path) -> None:
    flags = ("--documents", "20", "--seed", "3", "--max-length", "20")
    biased = call("sample", str(run), *flags, "--forbid", "eo", "--bias", "t=3")
    assert biased.code == 0
    assert not set(biased.out) & set("eo")
    assert biased.out.count("t") > call("sample", str(run), *flags).out.count("t")


def test_documents_follow_the_repetition_penalty(run: Path) -> None:
    flags = ("sample", str(run), "--documents", "12", "--seed", "3", "--max-length", "40")
    flags += ("--prompt", "th", "--repetition-penalty", "100", "--repetition-window")
    settings = {"length": 40, "num_samples": 12, "seed": 3, "repetition_penalty": 100}
    near, all_ = (call(*flags, window).out.splitlines() for window in ("2", "0"))
    for window, lines in ((2, near), (0, all_)):
        # The start symbol does not make the end symbol less likely: a sample has none.
        texts = load(run).sample("th", repetition_window=window, **settings)
        assert ["th" + text for text in texts] == lines
    rows = [json.loads(line) for line in call(*flags, "2", "--json").out.splitlines()]
    assert [row["text"] for row in rows] == near != all_


def test_documents_in_another_encoding(run: Path) -> None:
    flags = ("sample", str(run), "--documents", "3", "--max-length", "9", "--seed", "1")
    pipe = io.BytesIO()
    out = io.TextIOWrapper(pipe)
    with contextlib.redirect_stdout(out):
        assert main((*flags, "--output-encoding", "utf-16")) == 0
    assert pipe.getvalue() == call(*flags).out.encode("utf-16")


def test_documents_that_end_in_a_loop_are_counted(run: Path) -> None:
    flags = ("sample", str(run), "--documents", "2", "--max-length", "400", "--seed", "0")
    greedy = call(*flags, "--temperature", "0", "--bias", "e=9").err
    assert (
        "note: 2 of 2 documents end in a loop (the longest: 400 characters that repeat the same 1)" in greedy
    )
    assert "; --repetition-penalty or a higher temperature avoids it" in greedy
    assert "loop" not in call(*flags, "--bias", "e=9").err


def test_the_temperature_of_documents_changes_over_their_largest_length(run: Path) -> None:
    flags = ("--documents", "12", "--seed", "3", "--max-length", "2")
    changing, steady = (
        call("sample", str(run), *flags, "--temperature", value).out for value in ("0:3", "0:0")
    )
    lines = changing.splitlines()
    assert len({line[:1] for line in lines}) == len({line[:1] for line in steady.splitlines()}) == 1
    assert len(set(lines)) > 3
