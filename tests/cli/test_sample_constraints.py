"""What `charloop sample` may write: nothing copied, words of a list, a pattern."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from charloop import load
from choosing import slow
from cli.commands import (
    BRIEF,
    SMALL_RUN,
    Outcome,
    assert_refused,
    call,
    done,
    process,
    refused,
    without_controls,
)
from cli.conftest import Write, text_of

POEM = "Round the rugged rock the ragged rascal ran, and how a rabbit hid from him nobody ever knew.\n"
"""Short enough to be memorised."""


@pytest.fixture(scope="session")
def parrot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has memorised its text."""
    folder = tmp_path_factory.mktemp("parrot")
    (folder / "poem.txt").write_text(POEM * 12)
    flags = (
        *SMALL_RUN,
        "--hidden-size",
        "48",
        "--seq-length",
        "32",
        "--dropout",
        "0",
        "--validation-fraction",
        "0.1",
    )
    flags += (
        "--steps",
        "400",
        "--eval-every",
        "400",
        "--learning-rate",
        "0.01",
        "--output",
        str(folder / "run"),
    )
    done(call("train", str(folder / "poem.txt"), *flags))
    return folder / "run"


def longest_copy(text: str, learned: str, start: int = 0) -> int:
    """The longest piece of `text` that ends behind `start` and stands in `learned`, by trying."""
    return max(
        size
        for end in range(start + 1, len(text) + 1)
        for size in range(end + 1)
        if text[end - size : end] in learned
    )


@pytest.mark.slow
@pytest.mark.parametrize("temperature", ["0.7", slow("0"), slow("1")])
def test_a_memorised_text_is_copied_unless_novel_forbids_it(parrot: Path, temperature: str) -> None:
    flags = ("--prompt", "Round", "--length", "300", "--temperature", temperature)
    learned = POEM * 12
    copied = done(call("sample", str(parrot), *flags)).removesuffix("\n")
    assert longest_copy(copied, learned, 5) > 60
    for longest in (5, 12):
        text = done(call("sample", str(parrot), *flags, "--novel", str(longest))).removesuffix("\n")
        assert len(text) >= 304
        assert longest_copy(text, learned, 5) <= longest


@pytest.mark.slow
def test_novel_writes_the_same_in_every_process_and_combines_with_all_other_settings(parrot: Path) -> None:
    flags = (
        "--prompt",
        "the rock",
        "--length",
        "90",
        "--temperature",
        "0.8",
        "--top-k",
        "5",
        "--top-p",
        "0.95",
    )
    flags += ("--min-p", "0.01", "--mode", "words", "--seed", "7", "--lines", "3", "--stop", "zz")
    text = done(process("sample", str(parrot), *flags, "--novel", "6"))
    assert text == done(call("sample", str(parrot), *flags, "--novel", "6"))
    assert longest_copy(text.removesuffix("\n"), POEM * 12, 8) <= 6
    without = done(call("sample", str(parrot), *flags))
    assert longest_copy(without.removesuffix("\n"), POEM * 12, 8) > 6


def test_novel_with_several_texts_and_colours(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ("--novel", "4", "--length", "40", "--prompt", "old ", "--num-samples", "2")
    plain = write(*flags)
    assert len(set(plain.split("--- ")[1:])) == 2
    assert plain.split("--- 2")[0].removeprefix("--- 1 ---\n") == write(*flags[:-2])
    monkeypatch.setenv("FORCE_COLOR", "1")
    painted = write(*flags, "--color", "surprise")
    assert without_controls(painted).startswith(plain)


def test_novel_counts_bytes_for_a_network_of_bytes(binary: tuple[Path, Outcome]) -> None:
    """It was trained on all bytes in their order: no two of what it writes may follow one another so."""
    network = load(binary[0])
    done(call("sample", str(binary[0]), "--novel", "1", "--length", "80"))
    text = network.sample("A", constraints=[network.novel(1)], length=200, temperature=0.7)[0]
    assert "\N{REPLACEMENT CHARACTER}" in text, "bytes that are not valid characters"
    after_a = {
        network.sample("A", constraints=[network.novel(1)], length=1, seed=seed)[0] for seed in range(40)
    }
    assert "B" not in after_a


def test_a_training_text_that_has_changed_is_refused(copied: Path, book: Path, tmp_path: Path) -> None:
    other = tmp_path / "book.txt"
    shutil.copy(book, other)
    config = copied / "config.json"
    config.write_text(config.read_text().replace(str(book), str(other)))
    done(call("sample", str(copied), "--novel", "9", "--length", "5"))
    other.write_text(other.read_text() + "more")
    outcome = call("sample", str(copied), "--novel", "9")
    assert_refused(outcome, f"the text of {copied} has changed since", do="restore it")
    other.unlink()
    assert str(other) in refused(call("sample", str(copied), "--novel", "9"))
    done(call("sample", str(copied), "--length", "5"))


def test_novel_of_nothing_is_refused(trained: Path) -> None:
    assert_refused(call("sample", str(trained), "--novel", "0"), "--novel", 0, "a whole number >= 1")
    assert "--novel" in refused(call("sample", str(trained), "--novel", "few"))


def test_where_every_pair_has_been_read_nothing_is_new(tmp_path: Path) -> None:
    letters = sorted(set(text_of(100)))
    (tmp_path / "book.txt").write_text("".join(a + b for a in letters for b in letters) * 2)
    done(call("train", "book.txt", *BRIEF, "--output", "run"))
    what, do = "no text that satisfies novel 1 was found", "another prompt, seed or temperature"
    assert_refused(call("sample", "run", "--novel", "1", "--no-echo"), what, do=do)
    assert_refused(call("sample", "run", "--novel", "1", "--prompt", "ab"), what, do=do, out="ab\n")


@pytest.mark.slow
def test_a_pattern_combines_with_all_other_settings(write: Write, trained: Path) -> None:
    pattern = r"[a-z]{2,6}( [a-z]{2,6}){3,5}\n"
    flags = ("--regex", pattern, "--no-echo", "--prompt", "the ")
    more = ("--temperature", "0.7", "--top-k", "9", "--mode", "words", "--novel", "7", "--seed", "3")
    for given in (flags, (*flags, *more), (*flags, "--lines", "2", "--stop", "zzz")):
        assert re.fullmatch(pattern, write(*given)), given
    assert write(*flags, *more) == done(process("sample", str(trained), *flags, *more))
    _, one, two = re.split(r"--- \d ---\n", write(*flags, "--num-samples", "2"))
    assert re.fullmatch(pattern, one)
    assert re.fullmatch(pattern, two)


def test_words_combine_with_all_other_settings(write: Write, tmp_path: Path) -> None:
    (tmp_path / "words").write_text("fox\ndog lazy\n\n the\n")
    flags = ("--words", "words", "--length", "80", "--no-echo")
    for more in (
        (),
        ("--temperature", "0.4", "--top-p", "0.9", "--novel", "9", "--regex", r"([a-z]+ ){5}[a-z]+\n"),
    ):
        text = write(*flags, *more)
        assert set(re.findall(r"\w+", text)) <= {"fox", "dog", "lazy", "the"}
        assert re.search("fox|dog|lazy|the", text)


def test_a_pattern_of_bytes(binary: tuple[Path, Outcome]) -> None:
    text = done(call("sample", str(binary[0]), "--regex", r"[\x80-\xff]{3}é", "--no-echo"))
    assert text.endswith("é")


REFUSED: list[tuple[tuple[str, ...], tuple[Any, ...]]] = [
    (("--regex", "a{9}X"), ("matches the pattern 'a{9}X'", None, None, "use characters of ")),
    (("--regex", "a(b"), ("'a(b' does not compile (missing ), unterminated",)),
    (("--regex", "(?=a)."), ("the pattern '(?=a).' has a look-around", None, None, "without")),
    (("--regex", "a{20}", "--length", "9"), ("length of a text that matches 'a{20}'", 9, "20 or more")),
    (("--words", "nothing"), ("the list of words is empty", None, None, "at least one word")),
    (("--words", "lost"), ("cannot read the word list lost (No such file or directory)",)),
    (("--words", "odd"), ("the word list in odd is not UTF-8, at byte 1",)),
    (("--words", "foreign"), ("1, the first 'é!'",)),
]


@pytest.mark.parametrize(("flags", "error"), REFUSED, ids=str)
def test_a_constraint_that_no_text_can_satisfy_or_that_cannot_be_read(
    trained: Path, tmp_path: Path, flags: tuple[str, ...], error: tuple[Any, ...]
) -> None:
    (tmp_path / "nothing").write_text(" \n")
    (tmp_path / "odd").write_bytes(b"a\xff")
    (tmp_path / "foreign").write_text("dog é! fox")
    assert_refused(call("sample", str(trained), *flags, "--no-echo"), *error)


def test_a_network_of_bytes_has_no_words(binary: tuple[Path, Outcome], tmp_path: Path) -> None:
    (tmp_path / "words").write_text("dog")
    outcome = call("sample", str(binary[0]), "--words", "words")
    assert_refused(outcome, "list of words", "a network of bytes", "a network of characters", "--regex")


@pytest.mark.parametrize("flag", ["--novel", "--words", "--regex"])
def test_constraints_and_interactive_exclude_each_other(trained: Path, flag: str) -> None:
    outcome = call("sample", str(trained), "--interactive", flag, "9")
    assert_refused(outcome, f"{flag} and --interactive", do="leave one out")
