"""Texts that are large in some way: alphabets, rare characters, broken bytes, folders; as a person runs them."""

import json
import os
import random
from pathlib import Path

import pytest

from cli.commands import BRIEF, SMALL_RUN, Outcome, call, done, process, refused
from cli.conftest import RARE, text_of


def chinese(size: int, length: int) -> str:
    """`size` different characters, all of them there, `length` in all."""
    chance = random.Random(0)
    alphabet = [chr(0x4E00 + index) for index in range(size)]
    text = alphabet + chance.choices(alphabet, k=length - size)
    chance.shuffle(text)
    return "".join(text)


@pytest.mark.slow
def test_twenty_thousand_characters_train_sample_and_score(tmp_path: Path) -> None:
    text = chinese(20_000, 40_000)
    (tmp_path / "china.txt").write_text(text)
    flags = (
        *SMALL_RUN,
        "--steps",
        "4",
        "--eval-every",
        "2",
        "--steps-per-call",
        "2",
        "--validation-limit",
        "2000",
    )
    out = done(call("train", "china.txt", *flags, "--output", "run"))
    assert "40,000 characters, 20,000 distinct" in out
    for settings in (("--top-k", "50", "--top-p", "0.9", "--min-p", "0.001"), ("--mode", "words"), ()):
        sample = done(call("sample", "run", "--prompt", text[:3], "--length", "20", *settings)).rstrip("\n")
        assert sample.startswith(text[:3])
        assert len(sample) == 23
        assert set(sample) <= set(text)
    score = json.loads(done(call("eval", "run", "--text", text[:200], "--json")))
    assert score["characters"] == 199
    assert 9 < score["nats_per_character"] < 12


def test_rare_characters_are_replaced_reported_and_stored(folded: tuple[Path, Outcome]) -> None:
    run, out = folded[0], done(folded[1])
    assert "read 3 characters rarer than 3 (3 occurrences) as the unknown symbol" in out
    vocabulary = json.loads((run / "vocabulary.json").read_text())
    assert vocabulary["min_count"] == 3
    assert not set(RARE) & set(vocabulary["symbols"])
    assert "read 3 characters rarer than 3" in done(call("info", str(run)))
    assert json.loads(done(call("info", str(run), "--json")))["text"]["notes"]


@pytest.mark.slow
def test_an_unknown_character_of_the_prompt_is_read_as_the_unknown_symbol(
    folded: tuple[Path, Outcome],
) -> None:
    run = str(folded[0])
    ways = ((), ("--temperature", "0"), ("--temperature", "9"), ("--mode", "words", "--top-k", "3"))
    for way in ways:
        for number in ("1", "2"):
            flags = ("--length", "200", "--no-echo", "--num-samples", number, *way)
            assert "\ufffd" not in done(call("sample", run, "--prompt", "the 中 ☃", *flags))
    assert done(call("sample", run, "--prompt", "the ☃")).startswith("the ☃")
    one = done(call("sample", run, "--prompt", "the 中", "--no-echo"))
    assert one == done(call("sample", run, "--prompt", "the ξ", "--no-echo"))


def test_eval_says_what_unknown_characters_count_for(folded: tuple[Path, Outcome], tmp_path: Path) -> None:
    run, text = str(folded[0]), "the quick ☃ dog 中 fox\n"
    (tmp_path / "snow.txt").write_text(text)
    for given in (("snow.txt",), ("--text", text)):
        values = json.loads(done(call("eval", run, *given, "--json")))
        assert values["characters"] == len(text) - 1
        assert values["notes"] == [
            "read 2 characters as the unknown symbol: a loss counts that one comes, not which it is"
        ]
    skipping = json.loads(done(call("eval", run, "snow.txt", "--unknown", "skip", "--json")))
    assert skipping["characters"] == len(text) - 3
    assert "unknown" not in done(call("eval", run, "--text", "the quick dog\n"))


def test_a_run_resumes_and_another_starts_with_its_unknown_symbol(
    folded: tuple[Path, Outcome], tmp_path: Path
) -> None:
    run = str(folded[0])
    (tmp_path / "snow.txt").write_text(text_of(60, seed=2) + "☃")
    begun = done(call("train", "snow.txt", *BRIEF, "--init-from", run, "--output", "next"))
    assert "read 1 character as the unknown symbol" in begun
    assert json.loads(Path("next/config.json").read_text())["data"]["min_count"] == 3
    done(call("train", "--resume", "next", "--steps", "20"))
    other = ("--min-count", "5", "--output", "other")
    assert "allowed: 3, that run's own" in refused(
        call("train", "snow.txt", *BRIEF, "--init-from", run, *other)
    )
    assert "--min-count cannot change" in refused(call("train", "--resume", "next", "--min-count", "2"))
    assert not Path("other").exists()


@pytest.mark.slow
def test_invalid_bytes_are_refused_with_their_offset_or_replaced_and_counted(tmp_path: Path) -> None:
    good = text_of(100).replace("z", "s").encode()
    (tmp_path / "bad.txt").write_bytes(good + b"\xff\xfe" + good)
    message = refused(call("train", "bad.txt", *BRIEF, "--output", "run"))
    assert f"bad.txt, line 101, byte offset {len(good)}: byte 0xff is not utf-8" in message
    assert "--errors replace" in message
    assert not Path("run").exists()
    out = done(call("train", "bad.txt", *BRIEF, "--errors", "replace", "--output", "run"))
    note = f"replaced 2 invalid byte sequences, the first in bad.txt at byte {len(good):,}"
    assert note in out
    assert note in done(call("info", "run"))
    done(call("train", "--resume", "run", "--steps", "20"))
    values = json.loads(done(call("eval", "run", "bad.txt", "--json")))
    assert values["notes"] == [note]
    assert "byte offset" in refused(call("eval", "run", "bad.txt", "--errors", "strict"))


def test_a_part_of_the_validation_text_is_read_and_that_is_said(book: Path) -> None:
    flags = (*BRIEF, "--validation-limit", "100", "--output", "run")
    out = done(call("train", str(book), *flags))
    assert "to validate (100 of them at each evaluation, spread evenly)" in out
    size = int(out.split(" to validate")[0].split()[-1].replace(",", ""))
    assert f", on 100 of {size:,} characters" in out
    assert f", on 100 of {size:,} characters" in done(call("info", "run"))
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert {row["characters"] for row in rows if row["kind"] == "evaluation"} == {100}
    assert f"characters  {size - 1:,} predicted" in done(call("eval", "run"))
    assert "characters  50 predicted" in done(call("eval", "run", "--limit", "50"))
    whole = done(call("train", str(book), *BRIEF, "--validation-limit", "0", "--output", "whole"))
    assert "of them" not in whole
    assert " on " not in whole.split("best ")[-1]


def many_files(folder: Path, count: int) -> str:
    """Make `count` small files in folders of a thousand, in no order; return their text."""
    numbers = list(range(count))
    random.Random(0).shuffle(numbers)
    for number in numbers:
        subfolder = folder / f"{number // 1000:03}"
        subfolder.mkdir(parents=True, exist_ok=True)
        (subfolder / f"{number:06}.txt").write_text(f"file {number} says hello\n")
    return "".join(f"file {number} says hello\n" for number in range(count))


FEW_HANDLES = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))"


@pytest.mark.parametrize("count", [200, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_folder_of_many_files_is_one_text_in_order(tmp_path: Path, count: int) -> None:
    """With few files open at a time, and the same whatever order the disk has. `baselines` reads a text as `train`
    does, and starts in a fifth of the time."""
    from charloop.data import load_corpus

    text = many_files(tmp_path / "many", count)
    out = done(process("baselines", "many", first=FEW_HANDLES))
    cut = len(text) * 9 // 10
    assert out.startswith(
        f"text     {count:,} files in many/\nsplit    {cut:,} to learn from, {len(text) - cut:,} "
    )
    corpus = load_corpus([str(tmp_path / "many")])
    assert corpus.vocabulary.decode(corpus.tokens) == text
    os.rename("many", "moved")
    assert load_corpus(["moved"]).content_hash == corpus.content_hash


def test_halves_of_surrogate_pairs_are_characters_like_others(tmp_path: Path) -> None:
    """Some encodings have them: a text is read, cached, trained on, resumed and sampled."""
    text = text_of(100).replace("y", r"\ud800").replace("z", r"\udc80")
    (tmp_path / "text.txt").write_text(text)
    flags = (*BRIEF, "--encoding", "raw_unicode_escape")
    done(call("train", "text.txt", *flags, "--output", "one"))
    done(call("train", "text.txt", *flags, "--output", "two"))
    assert Path("one/model.safetensors").read_bytes() == Path("two/model.safetensors").read_bytes()
    assert json.loads(Path("one/vocabulary.json").read_text())["symbols"][-2:] == ["\ud800", "\udc80"]
    done(call("train", "--resume", "one", "--steps", "20"))
    assert call("sample", "one", "--length", "20").code == 0
    assert call("eval", "one").code == 0
