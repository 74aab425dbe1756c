"""Records that cannot be read, or contradict what is known, are one line that names file and line."""

from pathlib import Path

import pytest

from charloop.data import load_corpus
from charloop.errors import CharloopError
from charloop.given import Fields
from data.test_records import NAMES, as_csv, as_json, encoded, tokens_of


@pytest.mark.parametrize(
    ("name", "content", "what", "do"),
    [
        ("a.csv", "nme,lang\na,b\n", "a.csv: unknown field: got 'name'; allowed: lang, nme", "'nme'"),
        ("a.csv", "name,lng\na,b\n", "a.csv: unknown field: got 'lang'", "'lng'"),
        ("a.csv", "name,lang\na,b\n\nc\n", "a.csv, line 4: 1 fields", "quotation marks"),
        ("a.csv", "name,lang\na,b,c\n", "a.csv, line 2: 3 fields", "quotation marks"),
        ("a.csv", 'name,lang\na,b\n"c,d\n', "a.csv, line 3: unexpected end of data", "close them"),
        ("a.csv", 'name,lang\n\n"c\n",d\n"e,f\ng,h\n', "a.csv, line 5: unexpected end of data", "close them"),
        ("a.csv", 'name,"lang\na,b\n', "a.csv, line 1: unexpected end of data", "close them"),
        ("a.csv", "nme;lang\na;b\n", "a.csv: unknown field: got 'name'; allowed: lang, nme;", "'nme'"),
        ("a.csv", "name,lang,name\na,b,c\n", "a.csv: 2 fields are named 'name'", "rename"),
        ("a.csv", "lang,name,lang\na,b,c\n", "a.csv: 2 fields are named 'lang'", "rename"),
        ("a.csv", "n\1,lang\na,b\n", r"allowed: lang, 'n\x01'", ""),
        ("a.csv", 'name,lang\na,b\n"c" d,e\n', "a.csv, line 3: ',' expected", "twice"),
        ("a.jsonl", '{"name": "a"}\n{"nme": "a"}\n', "a.jsonl, line 2: unknown field: got 'name'", "'nme'"),
        ("a.jsonl", '{"name": "a"}\n{"name": "b"}\n', "a.jsonl: unknown field: got 'lang'", ""),
        ("a.jsonl", '{"name": 1}\n', "a.jsonl, line 1: the field 'name': got 1", ""),
        ("a.jsonl", '{"name": "a", "lang": [1]}\n', "a.jsonl, line 1: the field 'lang': got [1]", ""),
        ("a.jsonl", "\n{'name'}\n", "a.jsonl, line 2: not JSON", ""),
        ("a.json", '[\n{"name": 1}]\n', "a.json, record 1: the field 'name': got 1", ""),
        (
            "a.json",
            '[{"name": "a"},\n{"nme": "a"}]\n',
            "a.json, record 2: unknown field: got 'name'",
            "'nme'",
        ),
        ("a.json", '[{"name": "a"},\n{"name": "b"}]\n', "a.json: unknown field: got 'lang'", ""),
        (
            "a.json",
            '[{"name": "a"},\n{"nme" "a"}]\n',
            "a.json: not JSON (Expecting ':' delimiter: line 2",
            "",
        ),
        ("a.json", "[1, 2]\n", "a.json, record 1: got a JSON int", "jq -c '.[]'"),
        ("a.jsonl", '{"name": "a", "lang": "b"}\n[1]\n', "a.jsonl, line 2: got a JSON list", "jq -c '.[]'"),
        ("a.json", '{\n"name": "a"\n}\n', "a.json, line 1: not JSON", "in a line of its own"),
        ("a.json", "[]", "a.json is empty", ""),
        ("a.jsonl", "[" * 100_000 + "\n", "a.jsonl: not JSON", "jq"),
        ("a.jsonl", r'{"name": "a\ud800"}', "a.jsonl, line 1: half of a surrogate pair", ""),
        ("a.jsonl", r'{"name": "a", "lang": "\udc01"}', "a.jsonl, line 1: a label that is not UTF-8", ""),
        ("a.csv", "name,lang\na\U00100000,b\n", "a.csv, line 2: the character U+100000", "remove"),
        ("a.txt", "name,lang\na,b\n", "a.txt is no table: its name ends in '.txt'", "--text-field"),
        ("a", "nme,lang\na,b\n", "a: unknown field: got 'name'", "'nme'"),
        ("a.csv", "", "a.csv is empty", ""),
        ("a.csv", "name,lang\n", "a.csv is empty", ""),
    ],
)
def test_what_is_no_record_is_one_line_with_file_and_line(
    name: str, content: str, what: str, do: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content)
    for unit in ("char", "byte"):
        if content == "" or unit == "char" or "empty" not in what:
            with pytest.raises(CharloopError) as caught:
                load_corpus(name, fields=NAMES, unit=unit)  # type: ignore[arg-type]
            assert what in str(caught.value)
            assert do in (caught.value.do or "")
            assert "\n" not in str(caught.value)


def test_a_field_of_free_text_is_no_label(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv([("ab", str(number)) for number in range(1001)]))
    with pytest.raises(
        CharloopError, match=r"a.csv, line 1002: the field 'lang' has more than 1,000.*free text"
    ):
        load_corpus(tmp_path / "a.csv", fields=NAMES)


def test_an_unknown_label_is_refused_or_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv([("ab", "czech"), ("ba", "german")]))
    known = load_corpus(tmp_path / "a.csv", fields=NAMES).vocabulary
    (tmp_path / "b.csv").write_text(as_csv([("ab", "czech"), ("a", "germn")]))
    with pytest.raises(CharloopError, match=r"b.csv, line 3: unknown label: got 'germn'.*mean 'german'"):
        load_corpus(tmp_path / "b.csv", fields=NAMES, vocabulary=known)
    skipped = load_corpus(tmp_path / "b.csv", fields=NAMES, vocabulary=known, unknown="skip")
    assert tokens_of(skipped) == [[known.label_id("czech"), 0, 1], [0]]
    assert "left out 1 label that the network does not know" in skipped.notes
    learned = load_corpus(tmp_path / "b.csv", fields=NAMES, vocabulary=known, unknown="learn")
    assert learned.vocabulary.labels == ("czech", "german", "germn")
    assert tokens_of(learned) == encoded([("ab", "czech"), ("a", "germn")], learned.vocabulary)


def test_an_unknown_character_is_named_with_the_line_of_its_record(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(as_json([("ab", "cs")]))
    known = load_corpus(tmp_path / "a.jsonl", fields=NAMES).vocabulary
    (tmp_path / "b.jsonl").write_text(as_json([("ab", "cs"), ("aé", "cs")]))
    with pytest.raises(CharloopError, match=r"b.jsonl, line 2: the character 'é'"):
        load_corpus(tmp_path / "b.jsonl", fields=NAMES, vocabulary=known)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"documents": "record"}, "--documents record"),
        ({"fields": Fields("", "lang")}, "--label-field without --text-field"),
        ({"fields": Fields("name", "name")}, "--text-field and --label-field are the same"),
        ({"fields": NAMES, "documents": "line"}, "--documents and --text-field"),
    ],
)
def test_what_contradicts_the_fields_is_refused(how: dict[str, object], what: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(as_csv([("ab", "cs")]))
    with pytest.raises(CharloopError, match=what):
        load_corpus(tmp_path / "a.csv", **how)  # type: ignore[arg-type]
