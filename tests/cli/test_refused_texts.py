"""A text that cannot be learned from: one line that says why; nothing is created or changed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from charloop.data.corpora import corpus_names
from cli.commands import SMALL_RUN, assert_refused, call, prints, refused


def folder_without_text(path: Path) -> None:
    path.mkdir()
    (path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10")


PATHS = f"a path, or one of the corpora {', '.join(corpus_names())}"
TWO_CHARACTERS = "two characters or more, one to read and one to predict"
TEXTS: dict[str, tuple[Callable[[Path], object], tuple[Any, ...]]] = {
    "missing": (lambda _: None, ("no such file, folder or corpus", "text", PATHS)),
    "no text in it": (folder_without_text, ("a folder without text", "text", None, "text/photo.jpg")),
    "nothing in it": (Path.mkdir, ("a folder without text", "text", None, "put text files in it")),
    "empty": (Path.touch, ("text is empty",)),
    "one character": (lambda path: path.write_text("a"), ("text holds one character", None, TWO_CHARACTERS)),
    "one distinct": (
        lambda path: path.write_text("a" * 999),
        ("text holds one character over and over", None, None, "two different characters"),
    ),
    "binary": (
        lambda path: path.write_bytes(b"ELF\0\1\2" * 99),
        ("text is a binary file", None, None, "--unit byte"),
    ),
    "not UTF-8": (
        lambda path: path.write_bytes(b"ab\ncd\xe9f" * 9),
        ("text, line 2, byte offset 5: byte 0xe9", None, None, "--errors replace"),
    ),
    "too short to split": (
        lambda path: path.write_text("abc"),
        ("too small to split", None, None, "more text"),
    ),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_to_train_on(kind: str, tmp_path: Path) -> None:
    make, error = TEXTS[kind]
    make(Path("text"))
    before = prints(tmp_path)
    assert_refused(call("train", "text", *SMALL_RUN, "--steps", "2"), *error)
    assert prints(tmp_path) == before


@pytest.mark.parametrize("kind", ["missing", "one character", "binary"])
def test_a_text_to_score(kind: str, trained: Path) -> None:
    make, error = TEXTS[kind]
    make(Path("text"))
    before = prints(trained)
    assert_refused(call("eval", str(trained), "text"), *error)
    assert prints(trained) == before


def test_an_empty_text_to_score(trained: Path) -> None:
    Path("text").touch()
    assert_refused(call("eval", str(trained), "text"), "text is empty", allowed=TWO_CHARACTERS)


def test_a_text_with_characters_that_the_network_never_saw(tmp_path: Path, trained: Path) -> None:
    text = tmp_path / "text"
    text.write_text("the fox\nthe café\n")
    line = refused(call("eval", str(trained), str(text)))
    assert f"{text}, line 2, column 8" in line
    assert "'é' (U+00E9)" in line
    assert "--unknown skip" in line


def test_no_text() -> None:
    assert_refused(call("train"), "no text to train on", do="give a file")
    assert_refused(call("train", "-", stdin=b""), "standard input is empty")


def test_a_text_that_stands_twice_on_standard_input() -> None:
    assert_refused(call("train", "-", "-", stdin="abc"), "only once", "- twice")
