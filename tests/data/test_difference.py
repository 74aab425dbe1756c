"""A note on a validation text that is unlike the training text; none where parts of a text differ as much."""

from pathlib import Path

import numpy as np
import pytest

from charloop.data import Corpus, load_corpus
from charloop.data.notes import count_pairs, find_distance, note_split

ENGLISH = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "it",
    "was",
    "for",
    "on",
    "are",
    "with",
    "as",
    "his",
    "they",
    "at",
    "be",
    "this",
    "from",
    "have",
    "or",
    "by",
]
GERMAN = [
    "der",
    "die",
    "und",
    "in",
    "den",
    "von",
    "zu",
    "das",
    "mit",
    "sich",
    "des",
    "auf",
    "ist",
    "im",
    "dem",
    "nicht",
    "ein",
    "eine",
    "als",
    "auch",
    "es",
    "an",
]


def words(count: int, known: list[str], seed: int) -> str:
    """Words of a language, a line for each eight."""
    chosen = np.random.default_rng(seed).choice(known, count)
    return "".join(f"{word}\n" if number % 8 == 7 else f"{word} " for number, word in enumerate(chosen))


def corpus_of(tmp_path: Path, text: str, documents: str = "", shuffle: int | None = None) -> Corpus:
    (tmp_path / "text.txt").write_text(text)
    return load_corpus([tmp_path / "text.txt"], documents=documents, shuffle=shuffle)


def notes(corpus: Corpus, fraction: float = 0.1, *, shuffled: bool = False) -> str:
    return "; ".join(note_split(corpus, corpus.split(fraction), shuffled=shuffled))


@pytest.mark.parametrize(
    ("documents", "do"), [("", "order it so that its end is like the rest"), ("line", "--shuffle mixes")]
)
def test_another_language_at_the_end_is_noted(tmp_path: Path, documents: str, do: str) -> None:
    corpus = corpus_of(tmp_path, words(4500, ENGLISH, 0) + words(500, GERMAN, 1), documents)
    assert "unlike nearly all of the training text (another language?)" in notes(corpus)
    assert do in notes(corpus)


@pytest.mark.parametrize("words_held_out", [300, 400, 500])
def test_it_is_noted_where_the_training_text_ends_in_that_language_too(
    tmp_path: Path, words_held_out: int
) -> None:
    corpus = corpus_of(tmp_path, words(9500, ENGLISH, 0) + words(500, GERMAN, 1))
    assert "another language?" in notes(corpus, words_held_out / 10_000)


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.1, 0.2, 0.3])
def test_one_language_is_not(tmp_path: Path, fraction: float) -> None:
    for seed in range(5):
        assert notes(corpus_of(tmp_path, words(5000, ENGLISH, seed)), fraction) == ""


def test_a_language_that_the_training_text_has_too_is_not(tmp_path: Path) -> None:
    text = words(2500, ENGLISH, 0) + words(2500, GERMAN, 1)
    assert notes(corpus_of(tmp_path, text)) == ""


def test_shuffled_documents_are_not(tmp_path: Path) -> None:
    text = words(4500, ENGLISH, 0) + words(500, GERMAN, 1)
    assert notes(corpus_of(tmp_path, text, "line", shuffle=0), shuffled=True) == ""
    assert notes(corpus_of(tmp_path, text, "line"), shuffled=True) == "", "whatever the order"


def test_too_few_characters_or_parts_to_compare_say_nothing(tmp_path: Path) -> None:
    short = corpus_of(tmp_path, words(450, ENGLISH, 0) + words(50, GERMAN, 1))
    assert notes(short) == ""
    half = corpus_of(tmp_path, words(2500, ENGLISH, 0) + words(2500, GERMAN, 1))
    assert notes(half, 0.5) == ""
    third = corpus_of(tmp_path, words(3500, ENGLISH, 0) + words(1500, GERMAN, 1))
    assert notes(third, 0.3) == ""


def test_pairs_are_counted_in_slices_from_beginning_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = np.arange(1600, dtype=np.uint16) % 250
    whole = count_pairs(tokens)
    assert whole.sum() == 1600 - 8
    assert whole[0 * 257 + 1] == np.count_nonzero(tokens[:-1] == 0)
    monkeypatch.setattr("charloop.data.notes.SLICE_TOKENS", 3)
    ends = count_pairs(tokens)
    assert ends.sum() == 16
    assert ends[0 * 257 + 1] >= 1
    assert ends[tokens[-2] * 257 + tokens[-1]] >= 1


def test_a_distance_is_between_0_and_1() -> None:
    one, other = np.array([3, 1, 0]), np.array([0, 0, 5])
    assert find_distance(one, one * 4) == 0
    assert find_distance(one, other) == 1
    assert find_distance(one, np.array([2, 2, 0])) == 0.25
