"""Each string of a given list counts as a file: its documents are those of a file with that content."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop import load_corpus
from charloop.data import Corpus, Text, token_cache
from charloop.errors import CharloopError

RULES = ["file", "line", "blank-line", r"\n---\n", "ab"]
STRINGS = st.lists(st.text("ab-\n\r é", max_size=12), max_size=8)
COUNTER = itertools.count()


def read(given_text: object, documents: str, cache: Path, **how: object) -> Corpus:
    return load_corpus(Text.of(given_text).content, documents=documents, cache=cache, **how)


def documents_of(corpus: Corpus) -> list[str]:
    tokens = corpus.tokens.astype(np.int64)
    ends = np.flatnonzero(tokens == corpus.vocabulary.end_id)
    assert ends[0] == 0
    assert ends[-1] == len(tokens) - 1
    return [corpus.vocabulary.decode(tokens[a + 1 : b]) for a, b in itertools.pairwise(ends.tolist())]


def twin_of_files(strings: list[str]) -> list[str]:
    """With the rule "file": each string that has a character besides newlines, as it is, but for those around it."""
    found = [string.replace("\r\n", "\n").replace("\r", "\n").strip("\n") for string in strings]
    return [string for string in found if string]


@settings(max_examples=60, deadline=None)
@given(STRINGS, st.sampled_from(RULES), st.sampled_from(["char", "byte"]), st.sampled_from([None, 3]))
def test_they_are_the_documents_of_files(
    tmp_path_factory: pytest.TempPathFactory, strings: list[str], rule: str, unit: str, shuffle: int | None
) -> None:
    cache = tmp_path_factory.getbasetemp() / "given"
    folder = cache / f"{next(COUNTER)}"
    folder.mkdir(parents=True)
    for number, string in enumerate(strings):
        (folder / f"{number:03}.txt").write_bytes(string.encode())
    how = {"unit": unit, "shuffle": shuffle}
    # One more, so that there is something to read.
    files = [*sorted(folder.iterdir()), *[folder / "last"]]
    files[-1].write_text("cd")
    expected = load_corpus(files, documents=rule, cache=cache, **how)
    for _ in range(2):
        found = read([*strings, "cd"], rule, cache, **how)
        assert documents_of(found) == documents_of(expected)
        assert found.vocabulary == expected.vocabulary
    if rule == "file" and unit == "char":
        assert sorted(documents_of(found)) == sorted([*twin_of_files(strings), "cd"])


def test_newlines_inside_are_kept_and_a_generator_is_read_once(tmp_path: Path) -> None:
    asked = []

    def poems() -> Iterator[str]:
        for one in ("a\n\nb\n", "", "\n", "c", "\ufeffd\r\ne"):
            asked.append(one)
            yield one

    text = Text.of(poems())
    for _ in range(2):
        assert documents_of(read(text, "file", tmp_path)) == ["a\n\nb", "c", "d\ne"]
    assert len(asked) == 5
    assert documents_of(read([b"a\nb", b"\xff\n"], "file", tmp_path, unit="byte")) == ["a\nb", "\ufffd"]
    assert documents_of(read("a\nb\n\nc", "file", tmp_path)) == ["a\nb\n\nc"]
    assert documents_of(read(["abc"], "file", tmp_path)) == ["abc"]


def test_their_tokens_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(["a\nb", "c"], "file", tmp_path)
    monkeypatch.setattr(token_cache, "write_tokens", lambda *_: pytest.fail("read again"))
    assert read(["a\nb", "c"], "file", tmp_path).tokens.tolist() == first.tokens.tolist()


def test_lists_that_are_divided_otherwise_are_other_texts(tmp_path: Path) -> None:
    """Though they have the same bytes, one after the other: neither has the other's tokens from the cache."""
    lists = [["a\nb", "c"], ["a", "b\nc"], ["a", "b", "c"], ["a\nb\nc"]]
    found = [read(strings, "file", tmp_path) for strings in lists]
    assert [documents_of(one) for one in found] == lists
    assert len({one.content_hash for one in found}) == 4
    lines = [read(strings, "line", tmp_path) for strings in lists]
    assert len({one.content_hash for one in lines}) == 1
    assert [documents_of(one) for one in lines] == [["a", "b", "c"]] * 4


def test_an_error_names_the_document(tmp_path: Path) -> None:
    with pytest.raises(CharloopError, match=r"the given text, document 2.* byte"):
        read([b"abc", b"d\xff"], "file", tmp_path)
    with pytest.raises(CharloopError, match="the given text, document 2 contains U\\+10FFFF"):
        read(["abc", "d\U0010ffff"], "file", tmp_path)
    with pytest.raises(CharloopError, match="is empty"):
        read(["", "\n"], "file", tmp_path)
    with pytest.raises(CharloopError, match="is empty"):
        read([], "file", tmp_path)
