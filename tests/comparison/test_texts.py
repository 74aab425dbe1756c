"""Runs are compared only on the same characters: which runs and texts are refused, and with what advice."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import ChosenText
from charloop.comparison import refuse_stream
from charloop.comparison.texts import refuse_other_characters, refuse_other_texts
from charloop.config import DataConfig, RunConfig
from charloop.data import Vocabulary
from refusing import refused


def run_of(name: str, vocabulary: Vocabulary, content_hash: str = "abc", **data: Any) -> RunFolder:
    facts = {"description": f"text of {name}", "content_hash": content_hash}
    return RunFolder(Path(name), RunConfig(DataConfig("book.txt", **data)), vocabulary, facts)


LETTERS = Vocabulary.of_text("abc")
ONE = run_of("one", LETTERS)


def test_standard_input_and_pipes_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for text in ("-", str(tmp_path / "pipe"), "/dev/zero"):
        with refused("--text-file", got=text, allowed="a file", do="write it to a file first"):
            refuse_stream(text)
    for text in (str(tmp_path / "file"), str(tmp_path), "shakespeare"):
        refuse_stream(text)


def test_runs_on_the_same_parts_of_the_same_text_are_accepted() -> None:
    refuse_other_texts([ONE])
    refuse_other_texts([ONE, run_of("two", Vocabulary.of_bytes(), batch_size=3), ONE])


def test_runs_on_another_text_are_refused() -> None:
    with refused(
        "one and three differ in text: text of one (sha256 abc) and text of three (sha256 x)",
        do="--text-file FILE",
    ):
        refuse_other_texts([ONE, run_of("two", LETTERS), run_of("three", LETTERS, "x")])


@pytest.mark.parametrize("name", ["validation_fraction", "test_fraction"])
def test_runs_that_hold_out_other_parts_are_refused(name: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    with refused(
        f"one and two differ in {flag}: {getattr(ONE.config.data, name)} and 0.25", do="--text-file FILE"
    ):
        refuse_other_texts([ONE, run_of("two", LETTERS, **{name: 0.25})])


def compare(other: RunFolder, mine: str, theirs: str, first: RunFolder = ONE) -> None:
    """Have `first` read `mine`, and the other run `theirs`."""
    one, two = (
        ChosenText("book", run.vocabulary.encode(text)) for run, text in ((first, mine), (other, theirs))
    )
    refuse_other_characters(first, one, other, two)


def test_the_same_characters_are_accepted_with_any_vocabulary() -> None:
    compare(ONE, "abca", "abca")
    compare(run_of("two", Vocabulary.of_text(" zcbay")), "abca", "abca")
    compare(run_of("two", Vocabulary.of_bytes()), "ab", "ab", first=run_of("one", Vocabulary.of_bytes()))


def test_characters_and_bytes_are_not_compared() -> None:
    with refused("one predicts chars and two bytes"):
        compare(run_of("two", Vocabulary.of_bytes()), "abc", "abc")


@pytest.mark.parametrize("symbols", ["abc", "zabc"])
def test_other_characters_are_refused(symbols: str) -> None:
    two = run_of("two", Vocabulary.of_text(symbols))
    for theirs in ("abb", "ab", "abca"):
        with refused("one and two do not read the same characters in book", do="--encoding, --errors"):
            compare(two, "abc", theirs)


FOLDING = run_of("folding", Vocabulary(("a", "b"), min_count=2))
UNKNOWN = ChosenText("book", np.array([0, 1, 2]))
"""The last token is the unknown symbol of `FOLDING`."""


def test_unknown_characters_are_compared_by_runs_of_the_same_vocabulary() -> None:
    refuse_other_characters(FOLDING, UNKNOWN, replace(FOLDING, path=Path("other")), UNKNOWN)


@pytest.mark.parametrize("is_first", [True, False])
def test_characters_that_one_run_does_not_know_are_refused(is_first: bool) -> None:
    known = ChosenText("book", LETTERS.encode("abc"))
    pairs = ((FOLDING, UNKNOWN), (ONE, known)) if is_first else ((ONE, known), (FOLDING, UNKNOWN))
    with refused("1 characters of book are unknown to folding", do="compare runs that know every character"):
        refuse_other_characters(*pairs[0], *pairs[1])
