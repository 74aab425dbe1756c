"""The vocabulary: one order in every process, exact both ways, with helpful errors for unknown characters."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data import Vocabulary
from charloop.errors import CharloopError

ANY_TEXT = st.text(st.characters(), min_size=1)


def test_symbols_are_sorted_by_code_point_and_ids_are_their_positions() -> None:
    vocabulary = Vocabulary.of_text("banana é\n")
    assert vocabulary.symbols == ("\n", " ", "a", "b", "n", "é")
    ids = vocabulary.encode("nab")
    assert ids.tolist() == [4, 2, 3]
    assert ids.dtype == np.int32
    assert vocabulary.decode([3, 5]) == "bé"


@given(ANY_TEXT)
def test_a_text_survives_encoding_and_decoding(text: str) -> None:
    vocabulary = Vocabulary.of_text(text)
    assert vocabulary.size == len(set(text))
    assert vocabulary.decode(vocabulary.encode(text)) == text


@given(st.text())
def test_bytes_survive_encoding_and_decoding(text: str) -> None:
    vocabulary = Vocabulary.of_bytes()
    assert vocabulary.size == 256
    assert vocabulary.encode(text).tolist() == list(text.encode())
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_the_table_is_the_same_whatever_the_hash_seed() -> None:
    program = (
        "import json; from charloop.data import Vocabulary\n"
        "v = Vocabulary.of_text('To be, or not to be: that is the question. Ünïcödé')\n"
        "print(json.dumps([v.to_json(), v.fingerprint, v.encode('question').tolist()]))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


def test_an_unknown_character_is_refused_with_its_position_and_the_nearest_known() -> None:
    vocabulary = Vocabulary.of_text("abcde'E\n -")
    with pytest.raises(CharloopError) as refused:
        vocabulary.encode("abc\nabécd")
    message = str(refused.value)
    assert "line 2, column 3" in message
    assert "'é' (U+00E9)" in message
    assert "nearest are 'e', 'E'" in message
    assert "--unknown skip" in message


@pytest.mark.parametrize(
    ("character", "likeliest"),
    [
        ("A", "a"),
        ("É", "é"),
        ("\u2019", "'"),
        ("\u2014", "-"),
        ("\u00a0", " "),
        ("ñ", "n"),
        ("f", "e"),
        ("1", "-"),
    ],
)
def test_nearest_is_the_other_case_the_base_letter_the_lookalike_or_the_neighbour(
    character: str, likeliest: str
) -> None:
    with pytest.raises(CharloopError, match=f"nearest are {likeliest!r}"):
        Vocabulary.of_text("abcdenéE'- ").encode(character)


def test_unknown_characters_can_be_left_out() -> None:
    vocabulary = Vocabulary.of_text("ab")
    assert vocabulary.encode("xaybz", unknown="skip").tolist() == [0, 1]


def test_a_lone_surrogate_is_an_unknown_character() -> None:
    with pytest.raises(CharloopError, match=r"U\+DC80"):
        Vocabulary.of_text("ab").encode("a\udc80")


def test_bytes_are_not_characters() -> None:
    with pytest.raises(CharloopError, match="decode them first"):
        Vocabulary.of_text("ab").encode(b"ab")
    assert Vocabulary.of_bytes().encode(b"\xff\x00").tolist() == [255, 0]


@pytest.mark.parametrize("ids", [[-1], [2], [0, 1, 99]])
def test_an_id_outside_the_vocabulary_is_refused(ids: list[int]) -> None:
    with pytest.raises(CharloopError, match="allowed: 0 to 1"):
        Vocabulary.of_text("ab").decode(ids)


def test_json_keeps_the_whole_vocabulary() -> None:
    for vocabulary in (Vocabulary.of_text("añ\u2028\U0001f600"), Vocabulary.of_bytes()):
        read = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
        assert read == vocabulary
        assert read.fingerprint == vocabulary.fingerprint


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"unit": "char"},
        {"unit": "word", "symbols": ["a"]},
        {"unit": "char", "symbols": []},
        {"unit": "char", "symbols": "ab"},
        {"unit": "char", "symbols": ["b", "a"]},
        {"unit": "char", "symbols": ["a", "a"]},
        {"unit": "char", "symbols": ["ab"]},
        {"unit": "char", "symbols": ["a", 1]},
        {"unit": "char", "symbols": ["a"], "extra": 1},
        {"unit": "byte", "symbols": ["a"]},
    ],
)
def test_malformed_json_is_refused(document: object) -> None:
    with pytest.raises(CharloopError, match="vocabulary"):
        Vocabulary.from_json(document)


def test_fingerprints_differ_for_other_tables_and_units() -> None:
    tables = [Vocabulary.of_text("ab"), Vocabulary.of_text("ac"), Vocabulary.of_bytes()]
    tables.append(Vocabulary(Vocabulary.of_bytes().symbols, "char"))
    assert len({table.fingerprint for table in tables}) == 4


@given(st.text(min_size=1), st.integers(1, 5))
def test_a_decoder_gives_the_same_text_in_pieces(text: str, step: int) -> None:
    for vocabulary in (Vocabulary.of_bytes(), Vocabulary.of_text(text)):
        ids, decoder = vocabulary.encode(text), vocabulary.decoder()
        pieces = [decoder.feed(ids[start : start + step]) for start in range(0, len(ids), step)]
        assert "".join(pieces) + decoder.flush() == text


def test_a_decoder_holds_an_incomplete_character_back_until_the_end() -> None:
    decoder = Vocabulary.of_bytes().decoder()
    assert decoder.feed([0xC3]) == ""
    assert decoder.feed([0xA9]) == "é"
    assert decoder.feed([0xE2, 0x82]) == ""
    assert decoder.flush() == "\ufffd"
