"""Strings that a person gives are read as training texts are."""

import unicodedata

import pytest

from charloop.data import Vocabulary
from charloop.data.forms import StringReader


def test_a_byte_order_mark_is_dropped_and_line_ends_become_lf() -> None:
    reader = StringReader(Vocabulary.of_text("ab\n"))
    assert reader.read("\ufeffa\r\nb\ra\n") == "a\nb\na\n"
    assert reader.notes == ()


@pytest.mark.parametrize("word", ["café", "ệ Å", "한국어", "がぎプ", "ড় ோ"])
@pytest.mark.parametrize(("known", "given"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_the_unicode_form_that_is_known_is_used(known: str, given: str, word: str) -> None:
    text = unicodedata.normalize(known, word)  # type: ignore[arg-type]
    other = unicodedata.normalize(given, word)  # type: ignore[arg-type]
    reader = StringReader(Vocabulary.of_text(text))
    assert reader.read(other) == text
    assert all("in another Unicode form" in note for note in reader.notes)
    assert bool(reader.notes) == (other != text)


def test_only_unknown_characters_change_their_form() -> None:
    """A text may have both forms: what is known stays as it was given."""
    vocabulary = Vocabulary.of_text("éa\u0301")
    assert StringReader(vocabulary).read("éa\u0301 e\u0301") == "éa\u0301 é"


def test_what_is_known_in_no_form_is_left_to_be_refused() -> None:
    reader = StringReader(Vocabulary.of_text("abc"))
    assert reader.read("ñ") == "ñ"
    assert reader.notes == ()


def test_bytes_are_read_as_they_are() -> None:
    assert StringReader(Vocabulary.of_bytes()).read("\ufeffe\u0301\r\n") == "\ufeffe\u0301\r\n"
