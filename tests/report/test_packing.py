"""What the script reads is what was found, character by character, and the excerpt is what people read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.analysis import Predictions, predict_tokens, record_units
from charloop.data import Vocabulary
from charloop.display import show_character
from charloop.report import Missing, render_page
from charloop.report.excerpt import excerpt_of, token_character
from charloop.report.packing import HALF, rows_of, sum_bits, value_range
from choosing import slow
from report.networks import SENTENCE, network, report_of
from report.reading import data_of, numbers

BYTES = Vocabulary.of_bytes()


@given(st.binary(max_size=40), st.integers(0, 45))
def test_characters_of_bytes_cover_the_bytes_in_order(raw: bytes, most: int) -> None:
    excerpt = excerpt_of(BYTES, "", np.frombuffer(raw, np.uint8), most)
    pieces = [
        bytes(excerpt.tokens[first : last + 1].astype(np.uint8))
        for first, last in zip(excerpt.first, excerpt.last, strict=True)
    ]
    assert b"".join(pieces) == raw[: len(excerpt.tokens)]
    assert pieces == [one.encode("utf-8", "surrogateescape") for one in excerpt.characters]
    assert len(excerpt.tokens) > min(most, len(raw)) - 4
    if most >= len(raw):
        assert b"".join(pieces) == raw


def test_a_character_that_a_cut_goes_through_is_left_out() -> None:
    raw = np.frombuffer("aé🚀".encode(), np.uint8)
    lengths = [len(excerpt_of(BYTES, "", raw, most).characters) for most in range(8)]
    assert lengths == [0, 1, 1, 2, 2, 2, 2, 3]
    broken = np.frombuffer(b"a\xff\xfe", np.uint8)
    assert excerpt_of(BYTES, "", broken).text == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


@given(st.text(min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_the_bits_of_a_character_are_those_of_its_bytes(text: str, seed: int) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    excerpt = excerpt_of(BYTES, "", np.frombuffer(raw, np.uint8))
    bits = np.random.default_rng(seed).random(len(raw) - 1).astype(np.float32)
    slow = [
        sum(float(bits[token - 1]) for token in range(first, last + 1)) if position else 0.0
        for position, (first, last) in enumerate(zip(excerpt.first, excerpt.last, strict=True))
    ]
    assert sum_bits(excerpt, bits) == pytest.approx(slow, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "vocabulary", [Vocabulary.of_text(SENTENCE + "é🚀"), slow(BYTES)], ids=["char", "byte"]
)
def test_the_script_gets_what_the_network_expects(vocabulary: Vocabulary, tmp_path: Path) -> None:
    text = SENTENCE + "é🚀" + SENTENCE
    report, _ = report_of(tmp_path / "run", text, vocabulary=vocabulary)
    embedded = data_of(render_page(report, vocabulary))
    symbols = embedded["symbols"]
    assert "".join(symbols[number][0] for number in numbers(embedded["text"], "<u2")) == text

    tokens = vocabulary.encode(text)
    whole: Predictions = predict_tokens(network(vocabulary), tokens, 5)
    starts = np.cumsum([0, *(1 if vocabulary.unit == "char" else len(c.encode()) for c in text)])[:-1]
    likeliest = numbers(embedded["likeliest"], "<u2").reshape(-1, 5)
    chances = numbers(embedded["chances"], "<u2").reshape(-1, 5) / 65535
    bits = numbers(embedded["bits"], "<u2") / 1000
    for position, start in enumerate(starts.tolist()):
        if position == 0:
            continue
        stop = starts[position + 1] if position + 1 < len(starts) else len(tokens)
        assert bits[position] == pytest.approx(float(whole.bits[start - 1 : stop - 1].sum()), abs=2e-3)
        assert chances[position] == pytest.approx(whole.chances[start - 1], abs=1e-4)
        expected = [token_character(vocabulary, token) for token in whole.likeliest[start - 1].tolist()]
        assert [symbols[number][1] for number in likeliest[position]] == [
            show_character(one) for one in expected
        ]


def test_a_units_values_can_be_read_back(tmp_path: Path) -> None:
    text = SENTENCE * 40
    report, vocabulary = report_of(tmp_path / "run", text, characters=500)
    embedded = data_of(render_page(report, vocabulary))
    assert not isinstance(report.mapped, Missing)
    recorded = record_units(network(vocabulary), vocabulary.encode(text)[:500])
    assert embedded["units"]
    for packed, shown in zip(embedded["units"], report.mapped.units, strict=True):
        values = recorded.values[:, recorded.units.index(shown.unit)]
        low, high = value_range(values)
        again = (low + high) / 2 + numbers(packed["values"], "i1") / HALF * (high - low) / 2
        assert again == pytest.approx(np.clip(values, low, high), abs=(high - low) / HALF)
        if shown.marks is not None:
            bits = np.unpackbits(numbers(packed["marks"], "u1").astype(np.uint8), bitorder="little")
            assert (bits[:500] > 0).tolist() == shown.marks.tolist()


def test_rows_of_predictions() -> None:
    excerpt = excerpt_of(BYTES, "", np.frombuffer("é🚀a".encode(), np.uint8))
    assert rows_of(excerpt).tolist() == [0, 1, 5]
