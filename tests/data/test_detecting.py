"""--encoding auto: each file of a folder in its own encoding; without it, a file in another encoding is named."""

# ruff: noqa: RUF001 - Russian
from pathlib import Path

import pytest

from charloop.data import detecting, load_corpus
from charloop.data.reading import EarlierReading
from charloop.data.sources import name_some
from charloop.errors import CharloopError

GERMAN = (
    "Über die Straße gehört ein schönes grünes Häuschen, das hübsche Gärten für fröhliche Mädchen hat.\n" * 20
)
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n" * 20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("works").mkdir()
    for name, text, encoding in (
        ("a.txt", GERMAN, "utf-8"),
        ("b.txt", GERMAN, "latin-1"),
        ("c.txt", RUSSIAN, "koi8-r"),
        ("d.txt", GERMAN, "utf-16"),
        ("e.txt", RUSSIAN, "utf-32"),
    ):
        Path("works", name).write_bytes(text.encode(encoding))
    Path("works/picture.png").write_bytes(b"\x89PNG\0\0\xff")
    return "works"


def test_each_file_is_read_in_its_own_encoding(folder: str) -> None:
    corpus = load_corpus(folder, encoding="auto")
    assert corpus.vocabulary.decode(corpus.tokens) == GERMAN * 2 + RUSSIAN + GERMAN + RUSSIAN
    assert corpus.notes[0] == "skipped 1 file that is not text: works/picture.png"
    assert [note.split(": ")[1] for note in corpus.notes if note.startswith("read as ")] == [
        f"works/{name}.txt" for name in "bcde"
    ]
    assert "read as utf-16: works/d.txt" in corpus.notes


def test_files_in_another_encoding_are_named_with_what_to_do(folder: str) -> None:
    corpus = load_corpus(folder)
    assert corpus.notes == (
        "skipped 1 file that is not text: works/picture.png",
        "skipped 4 files that are not utf-8: works/b.txt, works/c.txt, works/d.txt and 1 more; --encoding auto finds "
        "the encoding of each file",
    )


def test_a_file_that_is_not_text_has_no_encoding(folder: str) -> None:
    with pytest.raises(
        CharloopError, match=r"encoding of works/picture.png cannot be found; give its --encoding"
    ):
        load_corpus(f"{folder}/picture.png", encoding="auto")


def test_a_byte_late_in_a_long_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_bytes(b"plain words\n" * 60_000 + GERMAN.encode("latin-1"))
    corpus = load_corpus(path, encoding="auto")
    assert corpus.vocabulary.decode(corpus.tokens[-len(GERMAN) :]) == GERMAN


def test_three_names_and_the_number_of_the_others() -> None:
    assert name_some(["a", "b", "c"]) == "a, b, c"
    assert name_some([*"abcde"]) == "a, b, c and 2 more"


def test_what_was_found_is_read_again_without_looking(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = load_corpus(folder, encoding="auto")
    assert corpus.encodings is not None
    assert sorted(number for numbers in corpus.encodings.values() for number in numbers) == [1, 2, 3, 4]
    assert load_corpus(f"{folder}/a.txt").encodings is None
    files = [f"{folder}/{name}.txt" for name in "abcde"]
    monkeypatch.setattr(detecting, "detect_encoding", None)
    again = load_corpus(files, encoding="auto", earlier=EarlierReading(encodings=corpus.encodings))
    assert again.vocabulary.decode(again.tokens) == corpus.vocabulary.decode(corpus.tokens)
