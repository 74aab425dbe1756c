"""What each detector marks, shown on lines of text; and what holds of all of them on any text."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.analysis import DETECTORS, Detector
from charloop.analysis.detectors import ALL
from charloop.errors import CharloopError

SHOWN = [
    ("vowel", "An Egg", "1  1  "),
    ("capital", "An EGG", "1  111"),
    ("digit", "a10", " 11"),
    ("space", "a b\n", " 1  "),
    ("newline", "a\nb", " 1 "),
    ("punctuation", "a, b!", " 1  1"),
    ("in a word", "Who's 'ere? x_2", "11111  111  1  "),
    ("word start", "Who's 'ere", "1      1  "),
    ("word end", "Who's 'ere", "    1    1"),
    ("position in word", "Who's it", "12345 12"),
    ("word in capitals", "I AM Tom", "  11    "),
    ("line start", "ab\n\nc\n", "1  11 "),
    ("position in line", "abc\nd\n\ne", "123 1  1"),
    ("left in line", "abc\nd", "321  "),
    ("indentation", "a\n  b\nc", "  2222 "),
    ("leading space", "a b\n  c d\n", "    11    "),
    ("lines since blank", "a\nb\n\nc", "1122 1"),
    ("speaker name", "Tom:\nI say: no\n", "1111           "),
    ("speaker name", "First Murderer: Ha!", "111111111111111    "),
    ("speaker name", "KING LEAR\nHowl\nTOM. Ho", "111111111      1111   "),
    ("speaker name", "x Tom:\ntom:\nTom said\n", "                     "),
    ("double quotes", 'say "no" now', "    111     "),
    ("double quotes", "say “no” now", "    111     "),
    ("double quotes", 'a "b\n\n"e" f', "      11   "),
    ("double quotes", '"""a\n\nb"""', "111111111 "),
    ("double quotes", 'an inch: 2" long', " " * 16),
    ("single quotes", "I say 'don't go' now", "      111111111     "),
    ("single quotes", "'Tis Tom's dogs' day", " " * 20),
    ("single quotes", "I \u2018don’t\u2019 know", "  111111      "),
    ("round brackets", "f(a, (b)) )", " 1111111   "),
    ("square brackets", "[a](b", "11   "),
    ("curly brackets", "{a}", "11 "),
    ("bracket depth", "f([a], {b})", " 122111221 "),
    ("python comment", "a = '#'  # it's\nb", "         111111  "),
    ("python docstring", '"""a\n"b""" + "c"', "111111111       "),
]


@pytest.mark.parametrize(("name", "text", "expected"), SHOWN)
def test_each_marks_what_it_says(name: str, text: str, expected: str) -> None:
    marks = DETECTORS[name].marks(text)
    assert "".join(" " if mark == 0 else f"{mark:.0f}" for mark in marks) == expected


def test_every_detector_is_shown() -> None:
    assert {name for name, _, _ in SHOWN} == set(DETECTORS)
    assert len(DETECTORS) == len(ALL), "two of one name"
    assert all(detector.description for detector in ALL)


@settings(deadline=None)
@given(st.text(st.sampled_from("aB1 \t\n.'\"#([{}])“”’:\\é"), max_size=80))
def test_any_text_gets_one_finite_number_a_character(text: str) -> None:
    for detector in ALL:
        marks = detector.marks(text)
        assert (marks >= 0).all(), detector.name


@settings(deadline=None)
@given(st.lists(st.text("ab \n", max_size=8), max_size=9))
def test_double_quotes_are_every_other_piece_of_a_paragraph(pieces: list[str]) -> None:
    pieces = [re.sub(r"\s+", " ", piece) + "." for piece in pieces]
    pieces = pieces[: len(pieces) - (len(pieces) % 2 == 0)]
    text = '"'.join(pieces)
    inside, expected = False, []
    for character in text:
        inside ^= character == '"'
        expected.append(float(inside))
    assert DETECTORS["double quotes"].marks(text).tolist() == expected


JSON = st.recursive(
    st.integers() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.just("k"), inner)
)


@settings(deadline=None)
@given(JSON)
def test_bracket_depth_is_opened_less_closed(document: object) -> None:
    text = json.dumps(document)
    depth = [
        sum(text[: n + 1].count(c) for c in "[{") - sum(text[: n + 1].count(c) for c in "]}")
        for n in range(len(text))
    ]
    assert DETECTORS["bracket depth"].marks(text).tolist() == depth


def test_symbols_too_far_apart_are_not_a_pair() -> None:
    far = "(" + "x" * 3000 + ")"
    for name, text in (("round brackets", far), ("double quotes", far.replace("(", '"').replace(")", '"'))):
        assert not DETECTORS[name].marks(text).any()


@pytest.mark.parametrize("made", [np.zeros(2), np.array([0, np.nan, 1])])
def test_a_detector_that_does_not_mark_each_character_is_refused(made: np.ndarray) -> None:
    with pytest.raises(CharloopError, match=r"marks of the detector 'mine'.*each of 3 characters"):
        Detector("mine", "of my own", lambda _: made).marks("abc")
