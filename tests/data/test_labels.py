"""Labels: tokens between symbols and end symbol; in the vocabulary's file; notes on texts sorted by label."""

from pathlib import Path

import numpy as np
import pytest

from charloop.data import Corpus, Vocabulary, load_corpus
from charloop.data.notes import note_documents, note_labels
from charloop.errors import CharloopError
from data.test_records import NAMES, as_csv

LABELLED = Vocabulary(("a", "b"), min_count=2, documents="record", labels=("x", "y", ""))


def test_labels_stand_between_symbols_and_end_symbol() -> None:
    assert (list(LABELLED.label_ids), LABELLED.end_id, LABELLED.unknown_id, LABELLED.size) == (
        [2, 3, 4],
        5,
        6,
        7,
    )
    assert LABELLED.never_written == (2, 3, 4, 6)
    assert [LABELLED.label_of(token) for token in range(7)] == [None, None, "x", "y", "", None, None]
    assert LABELLED.label_id("y") == 3
    assert LABELLED.decode(range(7)) == "ab\ufffc\ufffc\ufffc\n\ufffd"
    as_bytes = Vocabulary.of_bytes("record", ("x",))
    assert (as_bytes.end_id, as_bytes.size, as_bytes.decode([97, 256, 257])) == (257, 258, "a?\n")


def test_labels_are_removed_from_tokens() -> None:
    tokens = np.array([5, 2, 0, 1, 5, 4, 0, 6, 5], np.uint8)
    assert LABELLED.remove_labels(tokens).tolist() == [5, 0, 1, 5, 0, 6, 5]
    plain = Vocabulary(("a", "b"), documents="line")
    assert plain.remove_labels(tokens) is tokens


def test_a_vocabulary_with_labels_is_saved_and_read() -> None:
    assert Vocabulary.from_json(LABELLED.to_json()) == LABELLED
    assert LABELLED.fingerprint != Vocabulary(("a", "b"), min_count=2, documents="record").fingerprint
    assert LABELLED.keep_stray_bytes().labels == LABELLED.labels
    # Runs that were trained before there were labels find their tokens and baselines by this.
    assert Vocabulary(("a", "b"), documents="line").fingerprint.startswith("94bfc0cf9362")


@pytest.mark.parametrize(
    ("documents", "labels", "what"),
    [
        ("line", ("x",), "one of records"),
        ("", ("x",), "one of records"),
        ("record", ("x", "x"), "distinct"),
        ("record", tuple(map(str, range(1001))), "at most 1,000"),
    ],
)
def test_labels_of_a_damaged_vocabulary_are_refused(
    documents: str, labels: tuple[str, ...], what: str
) -> None:
    values = {"unit": "char", "symbols": ["a"], "documents": documents, "labels": list(labels)}
    with pytest.raises(CharloopError, match=what):
        Vocabulary.from_json({name: value for name, value in values.items() if value})


def test_an_unknown_label_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(CharloopError, match="this network has no labels"):
        Vocabulary(("a",), documents="record").label_id("x")
    many = Vocabulary(("a",), documents="record", labels=tuple(f"language{number}" for number in range(30)))
    with pytest.raises(CharloopError, match="'language9' and 20 more; did you mean 'language") as caught:
        many.label_id("languag")
    assert "language10" not in str(caught.value.allowed)


@pytest.mark.parametrize(("symbols", "joint"), [(("a",), "\n"), (("\n", "a"), "\n\n")])
def test_records_of_several_lines_are_written_with_empty_lines(symbols: tuple[str, ...], joint: str) -> None:
    assert Vocabulary(symbols, documents="record").joint == joint
    assert Vocabulary(symbols, documents="line").joint == "\n"


def corpus_of(tmp_path: Path, labels: str, shuffle: int | None = None) -> Corpus:
    """A record with each of the labels, one character each."""
    rows = [(f"{number:03}"[::-1], label) for number, label in enumerate(labels)]
    (tmp_path / "a.csv").write_text(as_csv(rows))
    return load_corpus(tmp_path / "a.csv", fields=NAMES, shuffle=shuffle)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (
            "x" * 90 + "y" * 10,
            "validation documents have a label that no training document has: 'y'; --shuffle",
        ),
        ("x" * 90 + "yz" * 5, "validation documents have labels that no training document has: 'y', 'z'"),
        ("x" * 50 + "y" * 50, "all validation documents have the label 'y'; --shuffle"),
        ("x" * 100, None),
        ("xy" * 50, None),
    ],
)
def test_a_text_that_is_sorted_by_label_is_noted(labels: str, note: str | None, tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, labels)
    notes = note_labels(corpus, corpus.split(0.1))
    assert len(notes) == bool(note)
    assert notes == () or notes[0].startswith(note or "")
    shuffled = corpus_of(tmp_path, labels, shuffle=1)
    assert note_labels(shuffled, shuffled.split(0.1 if note is None or "all" in note else 0.4)) == ()
    assert note_labels(corpus, corpus.split(0.0)) == ()


def test_labels_do_not_hide_that_documents_are_sorted_or_repeated(tmp_path: Path) -> None:
    rows = [(f"{number:03}", "xy"[number % 2]) for number in range(200)]
    (tmp_path / "a.csv").write_text(as_csv(rows))
    corpus = load_corpus(tmp_path / "a.csv", fields=NAMES)
    notes = note_documents(corpus, corpus.split(0.1), shuffled=False)
    assert "documents are sorted" in notes[0]
    (tmp_path / "b.csv").write_text(as_csv([*rows[::-1], *((text, "z") for text, _ in rows[:20])]))
    again = load_corpus(tmp_path / "b.csv", fields=NAMES)
    assert "of the validation documents stand in" in " ".join(
        note_documents(again, again.split(0.05), shuffled=False)
    )
