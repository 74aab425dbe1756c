"""The characters before a text's paragraphs, lines or words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data import Vocabulary, accept_prefix, find_prefix, find_prefix_of_tokens, guess_prefix

PLAY = "".join(f"KING:\nWhat {n}?\nGo.\n\nQUEEN:\nNo {n}.\n\n" for n in range(40))
CODE = "".join(f"def f{n}(x):\n    y = x\n\n    return y\n\n\n" for n in range(9)) + "\n\n\n".join(
    "abcdefghijkl"
)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        (PLAY, "\n\n"),
        (PLAY.replace("\n\n", "\n\n\n"), "\n\n\n"),
        (CODE, "\n\n\n"),
        ("apple\npear\nplum\n", "\n"),
        ("title\n\n" + "item\n" * 60, "\n"),
        ("one line only, and its end\n", " "),
        ("one line only", " "),
        ("\n\n\nalone\n\n\n", ""),
        ("abcabc", ""),
        ("word " * 5000 + "\n" + "word " * 5000, " "),
        ("a\r\n\r\nb\r\n\r\nc", "\r\n\r\n"),
        ("a\r\nb\r\nc", "\r\n"),
        ("a" + "\n" * 99 + "b", "\n" * 16),
        ("", ""),
    ],
)
def test_the_rule(text: str, prefix: str) -> None:
    assert find_prefix(text) == prefix


@given(st.text(alphabet="ab \n\r", max_size=200))
def test_a_prefix_stands_in_the_text_and_is_short(text: str) -> None:
    prefix = find_prefix(text)
    assert prefix in text
    assert len(prefix) <= 16
    assert set(prefix) <= {"\r", "\n"} or prefix in ("", " ")


@given(st.integers(1, 4), st.lists(st.text("abc ", min_size=1).map(str.strip).filter(bool), min_size=2))
def test_equal_paragraphs_are_found(ends: int, paragraphs: list[str]) -> None:
    assert find_prefix(("\n" * ends).join(paragraphs)) == "\n" * ends


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_have_a_readable_prefix(content: bytes) -> None:
    vocabulary = Vocabulary.of_bytes()
    prefix = find_prefix_of_tokens(vocabulary.encode(content), vocabulary)
    assert prefix == find_prefix(content.decode("latin-1"))
    assert prefix.encode() in content


def test_of_tokens_whatever_their_type_with_an_unknown_symbol() -> None:
    vocabulary = Vocabulary(("\n", "a"), min_count=2)
    assert find_prefix_of_tokens(np.array([1, 0, 0, 2, 0, 0, 1], np.uint8), vocabulary) == "\n\n"


def test_a_guess_and_the_prefix_stored_in_a_folder() -> None:
    lines, words, letters = (Vocabulary.of_text(text) for text in ("\n ab", " ab", "ab"))
    assert [guess_prefix(v) for v in (lines, words, letters)] == ["\n", " ", ""]
    assert guess_prefix(Vocabulary.of_bytes()) == "\n"
    assert accept_prefix("\n\n", lines) == "\n\n"
    assert accept_prefix("", lines) == ""
    for odd in (None, 3, ["\n"], "\n" * 17, "z"):
        assert accept_prefix(odd, lines) is None
