"""Rare characters as one unknown symbol, against a counter; a vocabulary with that symbol reads any text."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.data import Vocabulary, load_corpus
from charloop.errors import CharloopError

TEXT = "aaaa bbb cc d\nÉÉ"
PLAIN = st.text(st.sampled_from("ab\ncdé—\U0001f600"), min_size=2)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, content: str) -> str:
    Path(name).write_text(content, newline="")
    return name


@settings(max_examples=60, deadline=None)
@given(PLAIN, st.integers(2, 4))
def test_rarer_characters_are_the_unknown_symbol_and_the_rest_is_sorted(text: str, min_count: int) -> None:
    text += "ab" * min_count
    counts = Counter(text)
    kept = sorted(one for one, count in counts.items() if count >= min_count)
    corpus = load_corpus([put("book.txt", text)], min_count=min_count)
    assert corpus.vocabulary == Vocabulary(tuple(kept), min_count=min_count)
    assert corpus.tokens.tolist() == [kept.index(one) if one in kept else len(kept) for one in text]
    assert corpus.vocabulary.encode(text).tolist() == corpus.tokens.tolist()
    assert corpus.vocabulary.count_unknown(corpus.tokens) == sum(one not in kept for one in text)


def test_replaced_characters_are_reported_cold_and_warm() -> None:
    put("book.txt", TEXT)
    for _ in ("cold", "warm"):
        (note,) = load_corpus(["book.txt"], min_count=3).notes
        assert note.startswith(
            "read 4 characters rarer than 3 (6 occurrences) as the unknown symbol: a loss counts"
        )
    assert "no character is rarer than 2" in load_corpus([put("two.txt", "abab")], min_count=2).notes[0]


def test_each_min_count_has_tokens_of_its_own() -> None:
    put("book.txt", TEXT)
    sizes = [load_corpus(["book.txt"], min_count=count).vocabulary.size for count in (1, 2, 3, 4, 3, 1)]
    assert sizes == [7, 6, 4, 2, 4, 7]


def test_a_vocabulary_with_an_unknown_symbol_reads_every_text() -> None:
    vocabulary = Vocabulary(("a", "b"), min_count=2)
    assert (vocabulary.size, vocabulary.unknown_id) == (3, 2)
    assert vocabulary.encode("aXb\ufffd\ud800").tolist() == [0, 2, 1, 2, 2]
    assert vocabulary.encode("aXb", unknown="skip").tolist() == [0, 1]
    assert vocabulary.decode([0, 2, 1]) == "a\ufffdb"
    corpus = load_corpus([put("other.txt", "aXb!")], vocabulary=vocabulary)
    assert corpus.tokens.tolist() == [0, 2, 1, 2]
    assert corpus.notes == (
        "read 2 characters as the unknown symbol: a loss counts that one comes, not which it is",
    )
    skipped = load_corpus(["other.txt"], vocabulary=vocabulary, unknown="skip")
    assert skipped.tokens.tolist() == [0, 1]


def test_files_are_joined_alike_however_their_vocabulary_came_about() -> None:
    """The line end between two files is itself too rare to be a symbol."""
    put("1.txt", "abab")
    put("2.txt", "abab")
    learned = load_corpus(["1.txt", "2.txt"], min_count=2)
    vocabulary = Vocabulary(("a", "b"), min_count=2)
    assert learned.vocabulary == vocabulary
    again = load_corpus(["1.txt", "2.txt"], vocabulary=vocabulary, cache=Path("elsewhere"))
    assert learned.tokens.tolist() == again.tokens.tolist() == [0, 1, 0, 1, 2, 0, 1, 0, 1]


@pytest.mark.parametrize("count", [254, 255, 256, 257])
def test_the_unknown_symbol_may_need_a_second_byte(count: int) -> None:
    symbols = "".join(map(chr, range(0x4E00, 0x4E00 + count)))
    corpus = load_corpus([put("many.txt", symbols * 2 + "a")], min_count=2)
    assert corpus.tokens.tolist() == [*range(count), *range(count), count]
    assert corpus.tokens.dtype == (np.uint8 if count < 256 else np.uint16)
    other = load_corpus([put("b.txt", symbols[::-1] + "b")], vocabulary=corpus.vocabulary)
    assert other.tokens.tolist() == [*reversed(range(count)), count]


def test_json_keeps_the_unknown_symbol_and_is_unchanged_without_one() -> None:
    folding = Vocabulary(("a", "b"), min_count=5)
    assert Vocabulary.from_json(json.loads(json.dumps(folding.to_json()))) == folding
    plain = Vocabulary(("a", "b"))
    assert plain.to_json() == {"unit": "char", "symbols": ["a", "b"]}
    prints = {one.fingerprint for one in (plain, folding, Vocabulary(("a", "b"), min_count=4))}
    assert len(prints) == 3
    for wrong in (0, -1, "2", None, 1.5):
        with pytest.raises(CharloopError, match="malformed vocabulary"):
            Vocabulary.from_json({"unit": "char", "symbols": ["a"], "min_count": wrong})


def test_nothing_but_rare_characters_is_refused() -> None:
    with pytest.raises(CharloopError, match=r"every character of rare.txt is rarer.*got 3; allowed: up to 2"):
        load_corpus([put("rare.txt", "abcab")], min_count=3)


def test_bytes_are_never_folded() -> None:
    with pytest.raises(CharloopError, match="bytes have no unknown symbol"):
        load_corpus([put("a.txt", "abab")], unit="byte", min_count=2)
    with pytest.raises(CharloopError, match="no unknown symbol"):
        Vocabulary(Vocabulary.of_bytes().symbols, "byte", 2)
