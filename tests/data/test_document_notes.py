"""Notes on documents: in alphabetical order, or in training and validation text alike."""

from pathlib import Path

import numpy as np
import pytest

from charloop.data import Corpus, load_corpus
from charloop.data.documents.notes import each_document, note_documents


def corpus_of(tmp_path: Path, documents: list[str], shuffle: int | None = None) -> Corpus:
    (tmp_path / "list.txt").write_text("\n".join(documents))
    return load_corpus([tmp_path / "list.txt"], documents="line", shuffle=shuffle)


def notes(corpus: Corpus, *, shuffled: bool = False) -> str:
    return "; ".join(note_documents(corpus, corpus.split(0.1), shuffled=shuffled))


def test_sorted_documents_are_noted(tmp_path: Path) -> None:
    ordered = [f"{number:04}é" for number in range(400)]
    assert "alphabetical order" in notes(corpus_of(tmp_path, ordered))
    assert "alphabetical order" not in notes(corpus_of(tmp_path, ordered[::-1]))
    assert notes(corpus_of(tmp_path, ordered, shuffle=1), shuffled=True) == ""


def test_documents_in_both_parts_are_noted_with_their_share(tmp_path: Path) -> None:
    different = [f"{number:04}" for number in range(90, 0, -1)]
    # By characters, a tenth is the last 14 documents, four of which are repeated.
    corpus = corpus_of(tmp_path, [*different, *different[:4], *"abcdef"])
    assert notes(corpus).startswith("28.6% of the validation documents")
    assert notes(corpus_of(tmp_path, [*different, *"abcdefghij"])) == ""


def test_one_text_has_no_notes(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("a\nb\n" * 200)
    corpus = load_corpus([tmp_path / "book.txt"])
    assert note_documents(corpus, corpus.split(0.1), shuffled=False) == ()


@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_documents_longer_than_a_block_are_known_by_their_beginning(
    block: int, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.data.documents.notes.BLOCK_TOKENS", block)
    tokens = np.array([9, 1, 2, 9, 3, 9, 4, 5, 6, 7, 9], dtype)
    found = [
        np.frombuffer(one, np.dtype(dtype).newbyteorder(">")).tolist() for one in each_document(tokens, 9)
    ]
    assert found == [[1, 2][:block], [3], [4, 5, 6, 7][:block]]
