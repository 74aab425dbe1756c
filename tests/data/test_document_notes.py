"""Notes on documents: few, short, sorted, or in training and validation text alike."""

from pathlib import Path

import numpy as np
import pytest

from charloop.data import Corpus, load_corpus
from charloop.data.notes import each_document, note_documents
from charloop.given import Fields
from refusing import refused


def corpus_of(tmp_path: Path, documents: list[str], shuffle: int | None = None) -> Corpus:
    (tmp_path / "list.txt").write_text("\n".join(documents))
    return load_corpus([tmp_path / "list.txt"], documents="line", shuffle=shuffle)


def notes(corpus: Corpus, *, shuffled: bool = False) -> str:
    return "; ".join(note_documents(corpus, corpus.split(0.1), shuffled=shuffled))


def test_sorted_documents_are_noted(tmp_path: Path) -> None:
    """In either direction; and nearly sorted ones, as the places of two sorted files are."""
    ordered = [f"{number:04}é" for number in range(400)]
    for documents in (ordered, ordered[::-1], [f"the same beginning {one}" for one in ordered]):
        assert "the documents are sorted" in notes(corpus_of(tmp_path, documents))
    assert notes(corpus_of(tmp_path, ordered, shuffle=1), shuffled=True) == ""
    assert notes(corpus_of(tmp_path, ordered), shuffled=True) == "", "whatever the order"
    assert notes(corpus_of(tmp_path, [f"{number * 7 % 400:04}" for number in range(400)])) == ""
    assert notes(corpus_of(tmp_path, ordered[:50])) == ""
    (tmp_path / "other.txt").write_text("\n".join(ordered[number**2 // 100] for number in range(200)))
    (tmp_path / "list.txt").write_text("\n".join(ordered))
    files = [tmp_path / name for name in ("list.txt", "other.txt")]
    assert "sorted" in notes(load_corpus(files, documents="line", hold_out="each-file"))


def test_equal_documents_are_not_sorted(tmp_path: Path) -> None:
    assert "sorted" not in notes(corpus_of(tmp_path, ["abc"] * 400))


def test_documents_in_both_parts_are_noted_with_their_share(tmp_path: Path) -> None:
    different = [f"{number * 7 % 90:04}" for number in range(90)]
    # By characters, a tenth is the last 14 documents, four of which are repeated.
    corpus = corpus_of(tmp_path, [*different, *different[:4], *"abcdef"])
    assert notes(corpus).startswith("28.6% of the validation documents")
    assert notes(corpus_of(tmp_path, [*different, *"abcdefghij"])) == ""
    many = [f"{number * 7 % 1999:04}" for number in range(1999)]
    assert notes(corpus_of(tmp_path, [*many, many[0]])) == "", "one of two hundred"


def test_few_and_short_documents_are_noted(tmp_path: Path) -> None:
    lines = ["the quick", "brown fox", "jumps", "over", "a lazy", "dog", "sleeps", "by", "an old", "river"]
    said = "the training text is only 9 documents, too few to learn how one begins and ends: does 'line'"
    assert notes(corpus_of(tmp_path, lines)).startswith(said)
    assert "too few" not in notes(corpus_of(tmp_path, [*lines, *lines[::3]]))
    two = corpus_of(tmp_path, ["a long line " * 9, "another one of them"])
    assert notes(two).startswith("the training text is one document, too few")
    assert "validation" not in notes(two)
    assert "only 9" not in notes(ten := corpus_of(tmp_path, [*lines, "the lake"]))
    assert "too few" not in notes(ten)
    (tmp_path / "a.csv").write_text("\n".join(["name", *lines]))
    records = notes(load_corpus(tmp_path / "a.csv", fields=Fields("name")))
    assert "only 9 documents" in records
    assert "is the text in another field? --text-field names it" in records
    letters = [letter for line in lines for letter in line]
    said = "half of the documents have at most 1 character: does 'line' divide this text as you mean it?"
    assert said in notes(corpus_of(tmp_path, letters))
    assert said in notes(corpus_of(tmp_path, [chr(0x4E00 + number) for number in range(300)]))
    assert "at most 2 characters: does" in notes(corpus_of(tmp_path, [*letters, *["xy"] * 90]))


def test_a_validation_text_of_one_document_is_noted(tmp_path: Path) -> None:
    poems = [f"{number * 7 % 20:04} " * 9 for number in range(20)]
    assert notes(corpus_of(tmp_path, [*poems, "a" * 150])) == (
        "the validation text is one document, so its loss says little: raise --validation-fraction"
    )
    assert notes(corpus_of(tmp_path, poems)) == ""


def test_without_a_validation_text_only_the_documents_themselves_matter(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [f"{number:04}" for number in range(400)])
    assert note_documents(corpus, corpus.split(0.0), shuffled=False) == ()
    short = corpus_of(tmp_path, list("abcdefghijklmno"))
    assert len(note_documents(short, short.split(0.0), shuffled=False)) == 1


@pytest.mark.parametrize("rule", ["line", "file", r"\n---\n"])
def test_one_document_cannot_be_split(tmp_path: Path, rule: str) -> None:
    (tmp_path / "one.txt").write_text("all the text in one line")
    corpus = load_corpus([tmp_path / "one.txt"], documents=rule)
    with refused("the whole text is one document", do=f"change --documents '{rule}'"):
        corpus.split(0.1)
    assert corpus.split(0.0).sizes == (26, 0, 0)


def test_one_text_has_no_notes(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("a\nb\n" * 200)
    corpus = load_corpus([tmp_path / "book.txt"])
    assert note_documents(corpus, corpus.split(0.1), shuffled=False) == ()


@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_documents_longer_than_a_block_are_known_by_their_beginning(
    block: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.data.notes.BLOCK_TOKENS", block)
    tokens = np.array([9, 1, 2, 9, 3, 9, 4, 5, 6, 7, 9], dtype)
    found = [
        np.frombuffer(one, np.dtype(dtype).newbyteorder(">")).tolist() for one in each_document(tokens, 9)
    ]
    assert found == [[1, 2][:block], [3], [4, 5, 6, 7][:block]]
