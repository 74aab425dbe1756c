"""Records of tables and JSON lines: read as slow twins read them, whatever the blocks; errors name file and line."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from itertools import count, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.data import Corpus, Vocabulary, load_corpus
from charloop.data.documents.record import Record
from charloop.data.documents.records import find_format, read_records
from charloop.errors import CharloopError
from charloop.given import Fields

NAMES = Fields("name", "lang")
WORDS = st.text(st.sampled_from("ab,;\"'\t{} \nné"), max_size=8)
RECORDS = st.lists(st.tuples(WORDS, WORDS), max_size=6)
Rows = Sequence[tuple[str, str]]


def as_csv(rows: Rows, delimiter: str = ",") -> str:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows([("name", "lang"), *rows])
    return file.getvalue()


def as_json(rows: Rows) -> str:
    return "".join(json.dumps({"lang": label, "name": text}) + "\n" for text, label in rows)


def as_array(rows: Rows, indent: int | None = None) -> str:
    return json.dumps([{"lang": label, "name": text} for text, label in rows], indent=indent)


def blocks_of(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


@settings(max_examples=200)
@given(RECORDS, st.sampled_from(",;\t|"), st.integers(1, 9))
def test_records_are_those_that_were_written_whatever_the_blocks(
    rows: list[tuple[str, str]], delimiter: str, size: int
) -> None:
    forms = {"a.csv": as_csv(rows, delimiter), "a.jsonl": as_json(rows), "a.json": as_array(rows, indent=0)}
    for name, text in forms.items():
        found = read_records(blocks_of(text, size), name, NAMES, accepts_text=False, needs_label=True)
        assert [(record.text, record.label) for record in found] == rows


@given(RECORDS)
def test_the_line_of_a_record_is_the_one_on_which_it_ends(rows: list[tuple[str, str]]) -> None:
    lines, text = [], "\n" + as_csv([])
    for row in rows:
        text += as_csv([row]).partition("\n")[2]
        lines.append(text.count("\n"))
    found = read_records([text], "a.csv", NAMES, accepts_text=False, needs_label=True)
    assert [record.number for record in found] == lines


@pytest.mark.parametrize(
    ("name", "line"), [("a.csv", 'x,"{}\n"\n'), ("-", '{{"name": "{}", "lang": 2}}\n'), ("a.txt", "{}\n")]
)
def test_records_are_read_one_at_a_time(name: str, line: str) -> None:
    header = "lang,name\n" if name == "a.csv" else ""
    endless = (header * (number == 0) + line.format(number) for number in count())
    found = list(
        islice(read_records(endless, name, NAMES, accepts_text=name == "a.txt", needs_label=False), 3)
    )
    assert [record.text.strip() for record in found] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "table"),
        ("b.TSV.gz", "table"),
        ("c.d/x.ndjson.zst", "json"),
        ("a.txt", "text"),
        ("a.txt.gz", "text"),
        ("standard input", ""),
        ("/dev/fd/63", ""),
        ("the given text", ""),
    ],
)
def test_the_name_says_how_a_file_is_read(name: str, form: str) -> None:
    assert find_format(name) == form


def tokens_of(corpus: Corpus) -> list[list[int]]:
    """The tokens of each document, without the end symbol."""
    ends = np.flatnonzero(corpus.tokens == corpus.vocabulary.end_id)
    return [corpus.tokens[start + 1 : stop].tolist() for start, stop in pairwise(ends)]


def encoded(rows: Rows, vocabulary: Vocabulary) -> list[list[int]]:
    """The twin: the label of each record that has a text, and its text."""
    kept = [(text.strip("\r\n"), " ".join(label.split())) for text, label in rows]
    return [[vocabulary.label_id(label), *vocabulary.encode(text).tolist()] for text, label in kept if text]


ROWS = [("Novák", "cs"), ('a "b",\nc', "de"), ("\n", "de"), ("Łuk", " cs "), ("x", "")]


@pytest.mark.parametrize("unit", ["char", "byte"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", as_csv(ROWS)),
        ("a.csv", "\ufeff" + as_csv(ROWS).replace("\n", "\r\n")),
        ("a.csv", as_csv(ROWS, ";")),
        ("a.tsv", as_csv(ROWS, "\t")),
        ("a.tab", "\n\n" + as_csv(ROWS, "\t") + "\n\n"),
        ("a.jsonl", as_json(ROWS)),
        ("a.ndjson", as_json(ROWS).replace("\n", "\r\n\r\n")),
        ("a.json", as_json(ROWS).rstrip("\n")),
        ("a.json", as_array(ROWS)),
        ("a.jsonl", "\ufeff\n" + as_array(ROWS, indent=1)),
    ],
)
def test_a_label_is_one_token_before_the_text(name: str, content: str, unit: str, tmp_path: Path) -> None:
    rows = [(text.replace("\n", "\r\n"), label) for text, label in ROWS] if "\r" in content else ROWS
    if unit == "char" or "jso" in name or "ndj" in name:
        rows = ROWS
    for path in (tmp_path / name, tmp_path / f"{name}.gz"):
        path.write_bytes((gzip.compress if path.suffix == ".gz" else bytes)(content.encode()))
        corpus = load_corpus(path, unit=unit, fields=NAMES)  # type: ignore[arg-type]
        known = corpus.vocabulary
        assert known.labels == ("cs", "de", "")
        assert tokens_of(corpus) == encoded(rows, known)
        assert "left out 1 record without text" in corpus.notes
        # Read again with the vocabulary, as a run does when it goes on; then not from the cache.
        for how in ({}, {"cache": tmp_path / "other"}):
            again = load_corpus(path, vocabulary=known, fields=NAMES, **how)  # type: ignore[arg-type]
            assert np.array_equal(again.tokens, corpus.tokens)


def test_records_of_many_blocks_and_files_are_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.data.reading.BLOCK_BYTES", 5)
    rows = [(f"n{number}", f"l{number % 3}") for number in range(40)]
    (tmp_path / "a.csv").write_text(as_csv(rows[:25]))
    (tmp_path / "b.jsonl").write_text(as_json(rows[25:]))
    corpus = load_corpus([tmp_path / "a.csv", tmp_path / "b.jsonl"], fields=NAMES)
    assert tokens_of(corpus) == encoded(rows, corpus.vocabulary)


def test_the_header_is_a_row_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('\nname,"a\nb","lang"\nab,c,x\n')
    corpus = load_corpus(tmp_path / "a.csv", fields=NAMES)
    assert tokens_of(corpus) == [[2, 0, 1]]


@pytest.mark.parametrize(
    ("first", "is_json"),
    [
        ('{"name": "ab"}', True),
        ('[{"name": "ab"},\n{"name": "c"}]', True),
        ("[\n{\n", True),
        ("[12:01] ab", False),
    ],
)
def test_json_is_known_by_its_beginning_and_lines_of_a_log_are_not(first: str, is_json: bool) -> None:
    def read() -> list[Record]:
        return list(
            read_records([first], "standard input", Fields("name"), accepts_text=True, needs_label=False)
        )

    if first.endswith("{\n"):
        with pytest.raises(CharloopError, match="not JSON"):
            read()
    else:
        assert read()[0].text == ("ab" if is_json else first)


def test_labels_are_alike_in_all_forms_of_unicode(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv([("ab", "e\u0301"), ("c", " \u00e9 "), ("a", "two\n words")]))
    known = load_corpus(tmp_path / "a.csv", fields=NAMES).vocabulary
    assert known.labels == ("\u00e9", "two words")
    assert {known.label_id(label) for label in ("e\u0301", "\u00e9", " \u00e9\n")} == {3}


def test_records_without_labels_are_documents_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv([("ab", "x"), ("c", "y")]))
    corpus = load_corpus(tmp_path / "a.csv", fields=Fields("name"))
    assert (corpus.vocabulary.labels, corpus.vocabulary.size) == ((), 4)
    assert tokens_of(corpus) == [[0, 1], [2]]


def test_labels_in_json_may_be_numbers(tmp_path: Path) -> None:
    lines = [
        '"name": "a", "lang": 1',
        '"name": "b", "lang": true',
        '"name": "c", "lang": null',
        '"name": "d"',
    ]
    (tmp_path / "a.jsonl").write_text("".join(f"{{{line}}}\n" for line in lines))
    assert load_corpus(tmp_path / "a.jsonl", fields=NAMES).vocabulary.labels == ("1", "true", "")


def test_other_fields_or_another_name_are_another_text(tmp_path: Path) -> None:
    text = "name,lang\nabc,cs\nabd,de\n"
    found = []
    for name, fields in (("a.csv", NAMES), ("a.csv", Fields("lang", "name")), ("a.csv", Fields("name"))):
        (tmp_path / name).write_text(text)
        found.append(tokens_of(load_corpus(tmp_path / name, fields=fields)))
    (tmp_path / "a.txt").write_text(text)
    found.append(tokens_of(load_corpus(tmp_path / "a.txt", documents="line")))
    assert len(set(map(str, found))) == 4


def test_a_known_vocabulary_reads_plain_text_as_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,lang\nabc,cs\nabd,\n")
    known = load_corpus(tmp_path / "a.csv", fields=NAMES).vocabulary
    (tmp_path / "b.txt").write_text("ab\n\ndc\n")
    corpus = load_corpus(tmp_path / "b.txt", vocabulary=known, fields=NAMES)
    unlabelled = known.label_id("")
    assert tokens_of(corpus) == [[unlabelled, 0, 1], [unlabelled, 3, 2]]
    assert known.encode_text("ab\n\ndc\n").tolist() == corpus.tokens.tolist()


def test_files_beside_tables_that_are_none_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv([("ab", "x")]))
    (tmp_path / "b.jsonl").write_text(as_json([("ba", "y")]))
    (tmp_path / "readme.md").write_text("A table.")
    corpus = load_corpus(tmp_path, fields=NAMES)
    assert tokens_of(corpus) == [[2, 0, 1], [3, 1, 0]]
    assert corpus.notes == (f"skipped 1 file without records: {tmp_path / 'readme.md'}",)
    assert corpus.description == f"2 files in {tmp_path.name}/", "those that are read"
    names = [tmp_path / "readme.md", tmp_path / "*.*", tmp_path / "b.jsonl"]
    several = load_corpus(names, fields=NAMES)
    assert several.description == f"2 files matching {names[1]} and 1 more"
    assert len(several.notes) == 2
    alone = load_corpus(names[::2], fields=NAMES)
    assert (alone.description, len(alone.notes)) == ("b.jsonl", 1)
    again = load_corpus(tmp_path, fields=NAMES, vocabulary=corpus.vocabulary)
    assert np.array_equal(again.tokens, corpus.tokens)
