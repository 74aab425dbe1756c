"""Prompts, contexts, stop strings, words, patterns and texts to score are read by the rules of training texts."""

from pathlib import Path

import pytest

from cli.commands import BRIEF, call, done

NOTE = "read {} in another Unicode form (NFC or NFD), which the network knows"


@pytest.fixture(scope="module")
def cafe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose text has its only accent composed."""
    folder = tmp_path_factory.mktemp("cafe")
    (folder / "text").write_text("a café by the sea\n" * 60)
    done(call("train", str(folder / "text"), *BRIEF, "--output", str(folder / "run")))
    return str(folder / "run")


@pytest.mark.parametrize(
    "flags",
    [
        "--prompt GIVEN",
        "--prompt-file file",
        "--context GIVEN",
        "--context file",
        "--stop GIVEN",
        "--forbid GIVEN",
        "--words file",
        "--regex GIVEN(?s:.*)",
    ],
)
def test_what_is_given_is_read_by_the_rules_of_training_texts(flags: str, cafe: str) -> None:
    """The file has a byte order mark, CRLF and a decomposed accent."""
    Path("file").write_bytes("\ufeffcafe\u0301\r\nby\r".encode())
    words = [word.replace("GIVEN", "cafe\u0301") for word in flags.split()]
    plain = [word.replace("GIVEN", "café") for word in flags.split()]
    outcome = call("sample", cafe, "--length", "20", *words)
    assert outcome.code == 0, outcome
    assert "note: " + NOTE.format("1 character") in outcome.err
    Path("file").write_text("café\nby\n")
    assert outcome.out == done(call("sample", cafe, "--length", "20", *plain))


def test_a_letter_and_its_accent_have_one_bias(cafe: str) -> None:
    flags = ("sample", cafe, "--length", "99", "--bias")
    biased = done(call(*flags, "e\u0301=9"))
    assert biased == done(call(*flags, "é=9")) != done(call(*flags, "é=0"))


@pytest.mark.parametrize(
    "flags", ["--text GIVEN", "--text café --context GIVEN", "--text café --context file"]
)
def test_eval_reads_strings_by_the_same_rules(flags: str, cafe: str) -> None:
    Path("file").write_bytes("\ufeffcafe\u0301\r\n".encode())
    given = [word.replace("GIVEN", "\ufeffcafe\u0301\r\n") for word in flags.split()]
    plain = [word.replace("GIVEN", "café\n") for word in flags.split()]
    out = done(call("eval", cafe, *given))
    note = f"note        {NOTE.format('1 character')}\n"
    assert note in out
    Path("file").write_text("café\n")
    assert out.replace(note, "") == done(call("eval", cafe, *plain))


def test_files_are_read_by_the_same_rules(cafe: str) -> None:
    Path("file").write_text("cafe\u0301 by the sea\n" * 2)
    out = done(call("eval", cafe, "file"))
    note = f"note        {NOTE.format('2 characters')}\n"
    assert note in out
    Path("file").write_text("café by the sea\n" * 2)
    assert out.replace(note, "") == done(call("eval", cafe, "file"))
