"""A text passed as an object reads as a file with the same content; other objects are refused."""

from pathlib import Path

import numpy as np
import pytest

from charloop import load_corpus
from charloop.data import Corpus, Text, Vocabulary
from charloop.errors import CharloopError

STORY = "one\r\ntwo\nthree äöü"


def read(text: Text, unit: str = "char", encoding: str = "utf-8") -> Corpus:
    return load_corpus(text.content, encoding=encoding, unit=unit)


def same(one: Corpus, other: Corpus) -> bool:
    equal = one.vocabulary == other.vocabulary and one.content_hash == other.content_hash
    return equal and one.tokens.tolist() == other.tokens.tolist()


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_a_string_or_bytes_read_as_a_file_with_that_content(tmp_path: Path, unit: str) -> None:
    file = tmp_path / "story.txt"
    file.write_bytes(STORY.encode())
    there = load_corpus(file, unit=unit)
    for given in (STORY, STORY.encode()):
        assert same(read(Text.of(given), unit), there)


def test_a_string_does_not_depend_on_the_encoding_of_files() -> None:
    assert read(Text.of(STORY), encoding="latin-1").vocabulary == read(Text.of(STORY)).vocabulary
    assert "Ã" in read(Text.of(STORY.encode()), encoding="latin-1").vocabulary.symbols


def test_a_string_is_never_a_path(tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text(STORY)
    corpus = read(Text.of(str(file)))
    assert corpus.vocabulary.decode(corpus.tokens) == str(file)
    with pytest.raises(CharloopError, match="name a path as the corpus"):
        Text.of(file)


def test_documents_come_one_after_the_other_and_are_read_once() -> None:
    asked = []

    def documents():
        for one in ("one\n", "two", "", "three\n"):
            asked.append(one)
            yield one

    text = Text.of(documents())
    for _ in range(2):
        corpus = read(text)
        assert corpus.vocabulary.decode(corpus.tokens) == "one\ntwo\nthree\n"
    assert len(asked) == 4
    assert (text.kind, corpus.description) == ("documents", "4 given documents")
    assert same(read(Text.of([b"one", b"two\n"]), "byte"), read(Text.of(b"one\ntwo\n"), "byte"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (7, r"text: got 'int'; allowed: str, bytes, documents"),
        ([1, 2], r"a document: got 'int'; allowed: str or bytes"),
        (["one", b"two"], "documents: got 'str and bytes'"),
        ("half \ud800", "half of a surrogate pair at character 5"),
        (np.arange(9), r"Corpus.of_tokens\(array, vocabulary\)"),
    ],
)
def test_what_is_not_a_text_is_refused(given: object, words: str) -> None:
    with pytest.raises(CharloopError, match=words):
        Text.of(given)


def test_tokens_and_their_vocabulary_are_a_text() -> None:
    vocabulary = Vocabulary.of_text("abc")
    tokens = np.array([0, 1, 2, 1, 0])
    corpus = Corpus.of_tokens(tokens, vocabulary)
    tokens[:] = 0
    assert corpus.tokens.tolist() == [0, 1, 2, 1, 0]
    assert corpus.tokens.dtype == np.uint8
    assert corpus.content_hash != Corpus.of_tokens(tokens, vocabulary).content_hash
    assert corpus.content_hash != Corpus.of_tokens(corpus.tokens, Vocabulary.of_text("abd")).content_hash
    assert Text.of(corpus).content is corpus


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (np.array([0, 3]), "a token: got 3; allowed: 0 to 2"),
        (np.array([0, -1]), "a token: got -1"),
        (np.array([0]), "two integers or more"),
        (np.zeros((2, 2), int), r"got 'int64\[2, 2\]'"),
        (np.array([0.5, 1.0]), "got 'float64"),
    ],
)
def test_tokens_outside_the_vocabulary_are_refused(tokens: np.ndarray, words: str) -> None:
    with pytest.raises(CharloopError, match=words):
        Corpus.of_tokens(tokens, Vocabulary.of_text("abc"))


def test_one_source_is_given_as_it_is(tmp_path: Path) -> None:
    """A string must not be read as one source for each letter."""
    file = tmp_path / "story.txt"
    file.write_text(STORY)
    once = load_corpus([str(file)])
    assert same(load_corpus(str(file)), once)
    assert same(load_corpus([file]), once)
