"""A table or JSON that is read as plain text is noted, with the fields that it has."""

import gzip
from pathlib import Path

import pytest

from charloop.data import load_corpus

CSV = "id,text,author\n1,To be,W\n2,or not,W\n"
JSON = '{"id": 1, "text": "To be"}\n{"id": 2, "text": "or not"}\n'


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "fields"),
    [
        ("a.csv", CSV, "'id', 'text', 'author'"),
        ("a.csv", "\ufeff\n" + CSV.replace(",", ";"), "'id', 'text', 'author'"),
        ("a.tsv", CSV.replace(",", "\t"), "'id', 'text', 'author'"),
        ("a.csv", "word\nto\nbe\n", "'word'"),
        ("a.csv", ",".join(f"f{n}" for n in range(10)), "'f0', 'f1', 'f2', 'f3', 'f4', 'f5', 'f6', 'f7' and 2 more"),
        ("a.csv", f"a\x1b[1m,{'b' * 1000}\nc,d\n", rf"'a\x1b[1m', '{'b' * 40}'"),
        ("a.jsonl", JSON, "'id', 'text'"),
        ("a.json", '[\n {"id": 1,\n  "text": "To be"},\n {"id": 2, "text": ""}]\n', "'id', 'text'"),
        ("nameless", JSON, "'id', 'text'"),
    ],
)  # fmt: skip
def test_the_note_names_the_fields(name: str, content: str, fields: str) -> None:
    Path(name).write_text(content)
    note, *others = load_corpus(name).notes
    assert note.startswith(f"{name} is read as plain text")
    assert note.endswith(f"--text-field NAME (its fields: {fields})")
    assert others == (["dropped 1 byte order mark"] if content[0] == "\ufeff" else [])
    assert load_corpus(name).notes == (note, *others), "from the cache too"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", CSV),
        ("nameless", CSV),
        ("nameless", "{So it begins}, he said\n"),
        ("a.json", '{\n "id": 1\n}\n'),
        ("a.json", "[1, 2]\n"),
        ("a.jsonl", '{"a":' * 100_000),
        ("a.csv", " \n\n\t\n"),
    ],
)
def test_a_text_without_records_is_not_noted(name: str, content: str) -> None:
    Path(name).write_text(content)
    assert load_corpus(name).notes == ()


def test_the_first_file_with_records_is_noted_whatever_its_encoding_and_compression() -> None:
    Path("a.txt").write_text("ab\n")
    Path("b.csv").write_text(CSV.replace("W", "Ö"), encoding="utf-16")
    Path("c.jsonl").write_text(JSON)
    names = [note.partition(" ")[0] for note in load_corpus(".", encoding="auto").notes[1:]]
    assert names == ["b.csv"]
    Path("d.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    assert "its fields: 'id', 'text', 'author'" in load_corpus("d.csv.gz").notes[0]


def test_a_person_who_said_how_to_read_it_is_not_told() -> None:
    Path("a.csv").write_text(CSV)
    assert load_corpus("a.csv", documents="line").notes == ()
    assert load_corpus("a.csv", vocabulary=load_corpus("a.csv").vocabulary).notes == ()
    assert len(load_corpus("a.csv", vocabulary=load_corpus("a.csv").vocabulary, unknown="learn").notes) == 1


def test_a_network_of_bytes_is_told_too_unless_the_bytes_are_not_text() -> None:
    Path("a.csv").write_text(CSV)
    Path("b.csv").write_bytes(gzip.compress(CSV.encode()))
    Path("c.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (note,) = load_corpus("a.csv", unit="byte").notes
    assert "'id', 'text', 'author'" in note
    assert load_corpus(["b.csv", "c.csv.gz"], unit="byte").notes == ()
