"""Whole texts: what a given vocabulary knows only in another Unicode form is read in that form."""

import unicodedata
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data import Vocabulary, load_corpus
from charloop.data.forms import KnownForms, whole_clusters
from charloop.data.reading import EarlierReading
from charloop.data.sources import BLOCK_BYTES, Source
from refusing import refused

COMPOSED = "café ệ\n각 が\n"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
CHARACTERS = "eéêệẹ\u0301\u0302\u0323\u1100\u1161\u11a8가각\nx"
SOURCE = Source("a text", BytesIO)


def read(folder: Path, text: str, vocabulary: Vocabulary, **how: Any) -> Any:
    (folder / "text").write_text(text, "utf-8")
    return load_corpus(folder / "text", vocabulary=vocabulary, **how)


def rewritten(blocks: Sequence[str], known: str) -> tuple[str, int]:
    forms = KnownForms(known)
    found = [forms.rewrite(text) for _, text in whole_clusters((SOURCE, block) for block in blocks if block)]
    return "".join(text for text, _ in found), sum(count for _, count in found)


@pytest.mark.parametrize(("known", "given"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
@pytest.mark.parametrize("unknown", ["error", "skip", "learn"])
def test_a_text_is_read_in_the_form_that_is_known(
    tmp_path: Path, known: str, given: str, unknown: Any
) -> None:
    vocabulary = Vocabulary.of_text(known)
    for _ in range(2):  # read, and from the cache
        corpus = read(tmp_path, given, vocabulary, unknown=unknown)
        assert corpus.vocabulary.decode(corpus.tokens) == known
        assert corpus.notes == (
            "read 4 characters in another Unicode form (NFC or NFD), which the network knows",
        )


def test_a_mark_may_begin_the_next_block_of_a_file(tmp_path: Path) -> None:
    text = "e" * BLOCK_BYTES + "\u0301e"
    corpus = read(tmp_path, text, Vocabulary.of_text("eé"))
    assert corpus.vocabulary.decode(corpus.tokens) == "e" * (BLOCK_BYTES - 1) + "ée"


@given(
    st.lists(st.lists(st.sampled_from(CHARACTERS), max_size=4).map("".join)),
    st.sets(st.sampled_from(CHARACTERS)),
)
def test_blocks_are_read_as_one_text(blocks: list[str], known: set[str]) -> None:
    text = "".join(blocks)
    found, _ = rewritten(blocks, "".join(known))
    assert found == rewritten([text], "".join(known))[0]
    assert unicodedata.normalize("NFC", found) == unicodedata.normalize("NFC", text)
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, text)  # type: ignore[arg-type]
        assert not known.issuperset(other) or known.issuperset(found)


def test_marks_without_end_take_no_memory() -> None:
    blocks = ["\u0301" * 1000] * 3
    passed = [text for _, text in whole_clusters((SOURCE, block) for block in blocks)]
    assert "".join(passed) == "".join(blocks)
    assert len(passed) == 4


def test_files_are_not_joined_to_a_cluster(tmp_path: Path) -> None:
    for name, text in (("a", "e"), ("b", "\u0301é")):
        (tmp_path / name).write_text(text, "utf-8")
    names = [tmp_path / "a", tmp_path / "b"]
    corpus = load_corpus(names, vocabulary=Vocabulary.of_text("eé"), unknown="skip")
    assert corpus.vocabulary.decode(corpus.tokens) == "eé"


def test_the_position_of_an_unknown_character_is_that_in_the_file(tmp_path: Path) -> None:
    """The mark stands twice in a known cluster before it."""
    with refused("line 2, column 6: the character '\u0301' (U+0301)"):
        read(tmp_path, "e\u0301\nxe\u0301 x\u0301\n", Vocabulary.of_text("ex é\n"))


def test_characters_unknown_in_any_form_are_skipped_or_unknown(tmp_path: Path) -> None:
    text = "e\u0301ex\u0301ex\u0301"
    corpus = read(tmp_path, text, Vocabulary.of_text("exé"), unknown="skip")
    assert corpus.vocabulary.decode(corpus.tokens) == "éexex"
    assert corpus.notes[1] == "skipped 2 characters that are not in the vocabulary"
    corpus = read(tmp_path, text, Vocabulary(("e", "x", "é"), min_count=2))
    assert corpus.vocabulary.decode(corpus.tokens) == "éex\ufffdex\ufffd"
    assert corpus.notes[1].startswith("read 2 characters as the unknown symbol")


def test_a_rare_character_of_ones_own_text_may_be_known_in_another_form(tmp_path: Path) -> None:
    """It was unknown in training, and stays so; in another's text it is read in the known form."""
    text = "e\u0301" * 5 + "é"
    (tmp_path / "text").write_text(text, "utf-8")
    learned = load_corpus(tmp_path / "text", min_count=2)
    for cache in (None, tmp_path / "cache"):
        own = load_corpus(
            tmp_path / "text", vocabulary=learned.vocabulary, earlier=EarlierReading(), cache=cache
        )
        assert own.tokens.tolist() == learned.tokens.tolist()
    other = load_corpus(tmp_path / "text", vocabulary=learned.vocabulary)
    assert other.vocabulary.decode(other.tokens) == "e\u0301" * 6


def test_documents_are_read_in_the_form_that_is_known(tmp_path: Path) -> None:
    vocabulary = Vocabulary(("e", "é"), documents="line")
    corpus = read(tmp_path, "e\u0301\ne\n\u0301e\u0301\n", vocabulary, unknown="skip")
    assert corpus.tokens.tolist() == [2, 1, 2, 0, 2, 1, 2]
