"""A text that cannot be learned from: one line that says why; nothing is created or changed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.commands import SMALL_RUN, call, prints, refused


def folder_without_text(path: Path) -> None:
    path.mkdir()
    (path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10")


TEXTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "no such file, folder or corpus: got '{text}'"),
    "no text in it": (folder_without_text, "a folder without text: got '{text}'"),
    "nothing in it": (Path.mkdir, "a folder without text: got '{text}'"),
    "empty": (Path.touch, "{text} is empty"),
    "one character": (lambda path: path.write_text("a"), "{text} holds one character"),
    "one distinct": (lambda path: path.write_text("a" * 999), "{text} holds one character over and over"),
    "binary": (lambda path: path.write_bytes(b"ELF\0\1\2" * 99), "{text} is a binary file"),
    "not UTF-8": (
        lambda path: path.write_bytes(b"ab\ncd\xe9f" * 9),
        "{text}, line 2, byte offset 5: byte 0xe9",
    ),
    "too short to split": (lambda path: path.write_text("abc"), "too small to split"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_to_train_on(kind: str, tmp_path: Path) -> None:
    make, message = TEXTS[kind]
    text = tmp_path / "text"
    make(text)
    before = prints(tmp_path)
    line = refused(call("train", str(text), *SMALL_RUN, "--steps", "2"))
    assert message.format(text=text) in line
    assert prints(tmp_path) == before


@pytest.mark.parametrize("kind", ["missing", "empty", "one character", "binary"])
def test_a_text_to_score(kind: str, tmp_path: Path, trained: Path) -> None:
    make, message = TEXTS[kind]
    text = tmp_path / "text"
    make(text)
    before = prints(trained)
    assert message.format(text=text) in refused(call("eval", str(trained), str(text)))
    assert prints(trained) == before


def test_a_text_with_characters_that_the_network_never_saw(tmp_path: Path, trained: Path) -> None:
    text = tmp_path / "text"
    text.write_text("the fox\nthe café\n")
    line = refused(call("eval", str(trained), str(text)))
    assert f"{text}, line 2, column 8" in line
    assert "'é' (U+00E9)" in line
    assert "--unknown skip" in line


def test_no_text() -> None:
    assert refused(call("train")).startswith("no text to train on; give a file")
    assert refused(call("train", "-", stdin=b"")).startswith("standard input is empty")


def test_a_text_that_stands_twice_on_standard_input() -> None:
    assert "only once" in refused(call("train", "-", "-", stdin="abc"))
