"""`charloop eval`: its interval and its rank among the baselines; what each character cost; `charloop baselines`."""

import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from charloop.baselines import BASELINES_FILE, measure_baselines, read_baselines
from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import read_training_text
from charloop.cli.terminal.scores import write_records
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.trained import load
from cli.commands import BRIEF, Outcome, assert_refused, call, done, process, program, refused
from cli.conftest import text_of
from cli.test_eval_info import figures


@pytest.fixture(scope="module")
def lengthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose validation text is long enough for an interval, and that has a test text too."""
    folder = tmp_path_factory.mktemp("lengthy")
    (folder / "book.txt").write_text(text_of(200))
    run = folder / "run"
    flags = ("--validation-fraction", "0.2", "--test-fraction", "0.1", "--output", str(run))
    done(call("train", str(folder / "book.txt"), *BRIEF, *flags))
    return run


def values(*arguments: str) -> dict:
    return json.loads(done(call("eval", *arguments, "--json")))


def test_its_own_validation_text_is_compared(lengthy: Path) -> None:
    found = values(str(lengthy))
    baselines = read_baselines(lengthy / BASELINES_FILE)
    assert baselines is not None
    assert [(baseline["name"], baseline["nats_per_character"]) for baseline in found["baselines"]] == [
        (baseline.name, baseline.nats) for baseline in baselines.entries
    ]
    rank = baselines.rank(found["nats_per_character"])
    assert found["rank"] == {
        "better_than": rank.beaten and rank.beaten.name,
        "better_by_bits": rank.better_by,
        "worse_than": rank.ahead and rank.ahead.name,
        "worse_by_bits": rank.worse_by,
    }
    low, high = found["interval"]["bits_per_character"]
    assert low < found["bits_per_character"] < high
    assert found["interval"]["nats_per_character"] == pytest.approx([low * math.log(2), high * math.log(2)])
    assert (found["interval"]["confidence"], found["interval"]["blocks"]) == (0.95, found["characters"] // 64)
    assert found["interval"]["block_length"] == 64
    assert values(str(lengthy)) == found, "nothing of it is drawn at random"


def test_the_interval_and_the_rank_are_shown_to_people(lengthy: Path) -> None:
    found, said = values(str(lengthy)), figures(done(call("eval", str(lengthy))))
    low, high = found["interval"]["bits_per_character"]
    assert said["interval"] == f"{low:.4f} to {high:.4f} bits/char, 95% confidence"
    rank = found["rank"]
    name = {"uniform": "chance", "unigram": "the unigram"}.get(rank["better_than"], rank["better_than"])
    assert f"better than {name} by {rank['better_by_bits']:.2f} bits" in said["rank"]
    assert said["baselines"].startswith(
        f"uniform {found['baselines'][0]['bits_per_character']:.2f}  unigram "
    )


def test_info_shows_the_same_rank_and_baselines_as_eval(lengthy: Path) -> None:
    found = values(str(lengthy))
    info = json.loads(done(call("info", str(lengthy), "--json")))
    assert info["baselines"] == found["baselines"]
    assert info["rank"]["better_than"] == found["rank"]["better_than"]
    assert info["rank"]["better_by_bits"] == pytest.approx(found["rank"]["better_by_bits"], rel=1e-4)
    said, own = figures(done(call("info", str(lengthy)))), figures(done(call("eval", str(lengthy))))
    assert said["rank"] == own["rank"]


def test_an_older_run_has_none_of_its_own(copied: Path) -> None:
    kept = json.loads((copied / BASELINES_FILE).read_text())
    (copied / BASELINES_FILE).unlink()
    before = sorted(path.name for path in copied.iterdir())
    assert [baseline["name"] for baseline in values(str(copied))["baselines"]] == [
        baseline["name"] for baseline in kept["ladder"]["rungs"]
    ]
    assert sorted(path.name for path in copied.iterdir()) == before, "to look at a run changes nothing in it"
    info = json.loads(done(call("info", str(copied), "--json")))
    assert (info["baselines"], info["rank"]) == (None, None)
    (copied / BASELINES_FILE).write_text("[")
    assert "rank" not in figures(done(call("info", str(copied))))


def test_other_texts_are_compared_when_asked(lengthy: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text(text_of(9, seed=3))
    plain = values(str(lengthy), "other.txt")
    assert (plain["rank"], plain["baselines"], plain["interval"]) == (None, None, None)
    vocabulary = load(lengthy).vocabulary
    train = vocabulary.encode(text_of(200))[: int(len(text_of(200)) * 0.7)]
    expected = measure_baselines(train, vocabulary.encode(text_of(9, seed=3)), vocabulary)
    for flags in (("other.txt",), ("--text", text_of(9, seed=3))):
        found = values(str(lengthy), *flags, "--baselines")
        assert [one["nats_per_character"] for one in found["baselines"]] == [r.nats for r in expected.entries]
    assert [baseline["name"] for baseline in values(str(lengthy), "--split", "test")["baselines"]]
    assert values(str(lengthy), "--split", "train")["baselines"] is None
    outcome = call("eval", str(lengthy), "--split", "train", "--baselines")
    assert_refused(outcome, "--baselines and --split train", do="leave one out")


def test_the_library_ranks_a_text_among_the_same_baselines(lengthy: Path) -> None:
    network, text = load(lengthy), text_of(20, seed=3)
    score = network.evaluate(text, baselines=True)
    assert score.interval is not None
    assert score.per_character is not None
    assert score.per_character.shape == (len(text) - 1,)
    train, vocabulary = read_training_text(RunFolder.open(lengthy)), network.vocabulary
    assert score.baselines == measure_baselines(train, vocabulary.encode(text), vocabulary)
    assert score.rank == score.baselines.rank(score.loss)
    assert network.evaluate(text).baselines is None


def records_in(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_character_in_a_file(trained: Path) -> None:
    out = done(
        call("eval", str(trained), "--text", "the quick\nfox", "--per-character", "losses.jsonl", "--json")
    )
    lines = records_in(Path("losses.jsonl").read_text())
    assert [line["offset"] for line in lines] == list(range(1, 13))
    assert "".join(line["character"] for line in lines) == "he quick\nfox"
    assert sum(line["nats"] for line in lines) == pytest.approx(
        12 * json.loads(out)["nats_per_character"], rel=1e-5
    )
    assert all(line["bits"] == pytest.approx(line["nats"] / math.log(2), rel=1e-6) for line in lines)
    assert sorted(path.name for path in Path().iterdir()) == ["losses.jsonl"]
    assert Path("losses.jsonl").stat().st_mode & 0o777 == 0o666 & ~umask()


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.slow
def test_each_character_down_a_pipe(trained: Path) -> None:
    """Lines alone on standard output, what is said to people beside it."""
    flags = ("eval", str(trained), "--text", "the fox", "--per-character", "-")
    found = process(*flags)
    assert found.code == 0
    assert "".join(line["character"] for line in records_in(found.out)) == "he fox"
    assert figures(found.err)["characters"] == "6 predicted"
    as_json = call(*flags, "--json")
    assert as_json.out == found.out
    assert json.loads(as_json.err)["characters"] == 6


@pytest.mark.slow
def test_a_reader_that_leaves_early(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text(text_of(300))
    call_of = program("eval", str(trained), "long.txt", "--per-character", "-")
    with subprocess.Popen(call_of, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["offset"] == 1
        running.stdout.close()
        assert running.wait(120) == 0


def test_a_network_of_bytes_names_bytes(binary: tuple[Path, Outcome]) -> None:
    done(binary[1])
    done(call("eval", str(binary[0]), "--text", "aé", "--per-character", "losses.jsonl"))
    assert [line["byte"] for line in records_in(Path("losses.jsonl").read_text())] == [0xC3, 0xA9]


def test_an_existing_file_is_kept_without_overwrite(trained: Path) -> None:
    Path("losses.jsonl").write_text("mine")
    flags = ("eval", str(trained), "--text", "the fox", "--per-character", "losses.jsonl")
    assert_refused(call(*flags), "--per-character: losses.jsonl is there already", do="--overwrite")
    assert Path("losses.jsonl").read_text() == "mine"
    done(call(*flags, "--overwrite"))
    assert len(records_in(Path("losses.jsonl").read_text())) == 6
    assert sorted(path.name for path in Path().iterdir()) == ["losses.jsonl"]


def test_a_part_of_a_text_has_no_offsets(trained: Path) -> None:
    outcome = call("eval", str(trained), "--limit", "9", "--per-character", "-")
    assert_refused(outcome, "--per-character and --limit", do="leave one out")


def test_a_link_is_a_file_too(trained: Path) -> None:
    Path("losses.jsonl").symlink_to("nowhere")
    outcome = call("eval", str(trained), "--text", "fox", "--per-character", "losses.jsonl")
    assert_refused(outcome, "is there already", do="--overwrite")


@pytest.mark.parametrize(
    ("target", "said"), [("there/losses", "there is no folder there"), (".", "that is a folder")]
)
def test_paths_that_cannot_be_written(trained: Path, target: str, said: str) -> None:
    assert said in refused(call("eval", str(trained), "--text", "fox", "--per-character", target))


def test_a_file_that_comes_into_being_meanwhile_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "losses.jsonl"

    def lines():
        target.write_text("somebody else's")
        yield {"offset": 1}

    with pytest.raises(CharloopError, match="was created meanwhile"):
        write_records("--per-character", str(target), lines(), overwrite=False)
    assert target.read_text() == "somebody else's"
    assert [path.name for path in tmp_path.iterdir()] == ["losses.jsonl"]


def test_what_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "losses.jsonl"
    target.write_text("before")

    def lines():
        yield {"offset": 1}
        raise OSError(28, "No space left on device")

    with pytest.raises(CharloopError, match="No space left on device"):
        write_records("--per-character", str(target), lines(), overwrite=True)
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["losses.jsonl"]


def test_a_full_disk(trained: Path) -> None:
    outcome = call("eval", str(trained), "--text", "the fox", "--per-character", "/dev/full")
    assert_refused(outcome, "/dev/full (No space left on device)", do="nothing was left there")


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write_records("--per-character", str(tmp_path / "losses.jsonl"), iter([{"offset": 1}]), overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["losses.jsonl"]


def test_a_named_pipe_is_written_to(trained: Path) -> None:
    os.mkfifo("pipe")
    with subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE) as reader:
        done(call("eval", str(trained), "--text", "the fox", "--per-character", "pipe"))
        assert len(records_in(reader.communicate(timeout=60)[0].decode())) == 6


def test_baselines_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(text_of(100))
    text = text_of(100)
    cut = len(text) * 9 // 10
    vocabulary = Vocabulary.of_text(text)
    baselines = measure_baselines(vocabulary.encode(text[:cut]), vocabulary.encode(text[cut:]), vocabulary)
    found = json.loads(done(call("baselines", "book.txt", "--json")))
    assert [(baseline["name"], baseline["nats_per_character"]) for baseline in found["baselines"]] == [
        (baseline.name, baseline.nats) for baseline in baselines.entries
    ]
    assert (found["train"], found["validation"], found["notes"]) == (cut, len(text) - cut, [])
    out = done(call("baselines", "book.txt"))
    best = min(baselines.entries, key=lambda baseline: baseline.nats)
    marked = [line.split() for line in out.splitlines() if "the one to beat" in line]
    assert marked == [[best.name, f"{best.nats:.4f}", f"{best.bits:.4f}", "the", "one", "to", "beat"]]
    assert out.startswith(
        f"text     book.txt\nsplit    {cut:,} to learn from, {len(text) - cut:,} to predict\n\n"
    )


def test_baselines_of_bytes_and_of_another_split(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(bytes(range(256)) * 8)
    flags = (
        "program",
        "--unit",
        "byte",
        "--validation-fraction",
        "0.25",
        "--test-fraction",
        "0.25",
        "--json",
    )
    found = json.loads(done(call("baselines", *flags)))
    assert found["baselines"][0]["bits_per_character"] == 8
    assert (found["train"], found["validation"]) == (1024, 512)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "no text to measure"),
        (("nowhere.txt",), "nowhere.txt"),
        (("book.txt", "--validation-fraction", "0"), "--validation-fraction: got 0.0; allowed: above 0"),
        (("book.txt", "--validation-fraction", "1"), "--validation-fraction"),
        (("book.txt", "--hidden-size", "3"), "unknown flag"),
        (("book.txt", "--shuffle"), "--shuffle without documents"),
        (("book.txt", "--documents", r"\n"), "--documents"),
        (("book.txt", "--documents", "file"), "the whole text is one document"),
    ],
)
def test_baselines_refuses(book: Path, tmp_path: Path, flags: tuple[str, ...], said: str) -> None:
    shutil.copy(book, tmp_path / "book.txt")
    assert said in refused(call("baselines", *flags))
