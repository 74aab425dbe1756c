"""The baselines of a text, and how a loss ranks among them."""

import bz2
import lzma
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baselines.slow import SlowWittenBell
from charloop.baselines import Baseline, Baselines, measure_baselines, measuring
from charloop.baselines.compressors import COMPRESSORS, bits_per_character, encode
from charloop.data import Vocabulary
from charloop.errors import CharloopError

BZ2, XZ = COMPRESSORS
WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog,",
    "sleeps",
    "by",
    "an",
    "old",
    "river\n",
]


def prose(words: int, seed: int = 0) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


def encoded(train: str, text: str) -> tuple[np.ndarray, np.ndarray, Vocabulary]:
    vocabulary = Vocabulary.of_text(train + text)
    return vocabulary.encode(train), vocabulary.encode(text), vocabulary


def test_the_baselines_and_their_losses() -> None:
    train, text, vocabulary = encoded(prose(300), prose(60, seed=1) + "ß")
    found = measure_baselines(train, text, vocabulary)
    assert [baseline.name for baseline in found.entries] == [
        "uniform", "unigram", "2-gram", "3-gram", "4-gram", "5-gram", "6-gram", "bz2", "xz"
    ]  # fmt: skip
    nats = {baseline.name: baseline.nats for baseline in found.entries}
    assert nats["uniform"] == math.log(vocabulary.size)
    slow = SlowWittenBell([int(t) for t in train], vocabulary.size, 6)
    for order, name in enumerate(("unigram", "2-gram", "3-gram", "4-gram", "5-gram", "6-gram"), start=1):
        assert nats[name] == pytest.approx(np.mean(slow.nats([int(t) for t in text], order)))
    context, both = prose(300).encode(), (prose(300) + prose(60, seed=1) + "ß").encode()
    added = len(lzma.compress(both)) - len(lzma.compress(context))
    assert nats["xz"] == pytest.approx(added * 8 * math.log(2) / len(text))
    assert found.find("xz") == found.entries[-1]
    assert found.find("nothing") is None
    assert found.entries[1].bits == pytest.approx(nats["unigram"] / math.log(2))


def test_of_short_texts_all_is_used_and_of_long_ones_the_nearest_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train, text, vocabulary = encoded(prose(300), prose(60, seed=1))
    whole = measure_baselines(train, text, vocabulary)
    assert (whole.learned, whole.predicted) == (whole.training, whole.text) == (len(train), len(text) - 1)
    assert whole.portion is None
    monkeypatch.setattr(measuring, "MAX_LEARNED", 500)
    monkeypatch.setattr(measuring, "MAX_PREDICTED", 100)
    part = measure_baselines(train, text, vocabulary)
    same = measure_baselines(train[-500:], text[:101], vocabulary)
    assert part.entries == same.entries != whole.entries
    assert part.portion == "baselines learn from the last 500 characters, and predict the first 100"


@pytest.mark.parametrize(("train", "text"), [(0, 5), (5, 0), (5, 1)])
def test_too_little_to_compare_is_refused(train: int, text: int) -> None:
    with pytest.raises(CharloopError, match=f"got '{train} characters to learn from, {text} to predict'"):
        measure_baselines(np.zeros(train, np.uint8), np.zeros(text, np.uint8), Vocabulary.of_text("ab"))


BASELINES = Baselines(
    (Baseline("uniform", 4.0), Baseline("unigram", 3.0), Baseline("2-gram", 2.0), Baseline("3-gram", 2.5)),
    1,
    1,
    1,
    1,
)


@pytest.mark.parametrize(
    ("nats", "beaten", "ahead"),
    [(5.0, None, "uniform"), (4.0, None, "uniform"), (3.5, "uniform", "unigram"), (2.6, "unigram", "3-gram"),
     (2.4, "3-gram", "2-gram"), (2.0, "3-gram", "2-gram"), (1.0, "2-gram", None)],
)  # fmt: skip
def test_how_a_loss_ranks(nats: float, beaten: str | None, ahead: str | None) -> None:
    rank = BASELINES.rank(nats)
    assert (rank.beaten and rank.beaten.name, rank.ahead and rank.ahead.name) == (
        beaten,
        ahead,
    )


@given(st.floats(0, 6))
def test_margins_are_bits_between_the_loss_and_its_neighbours(nats: float) -> None:
    rank = BASELINES.rank(nats)
    if rank.beaten:
        assert rank.better_by == pytest.approx((rank.beaten.nats - nats) / math.log(2))
        assert rank.beaten.nats > nats
    else:
        assert rank.better_by is None
    if rank.ahead:
        assert rank.worse_by == pytest.approx((nats - rank.ahead.nats) / math.log(2))
        assert rank.ahead.nats <= nats
    else:
        assert rank.worse_by is None


def test_a_compressor_sees_the_training_text() -> None:
    train, text, vocabulary = encoded(prose(2000), prose(2000))
    for compressor in COMPRESSORS:
        untold = bits_per_character(compressor, train[:1], text, vocabulary)
        assert bits_per_character(compressor, train, text, vocabulary) < untold / 2


def test_what_fits_a_window_is_the_end_of_one_text_and_the_beginning_of_the_other() -> None:
    train, text, vocabulary = encoded("ä" * 300 + prose(100), "ßü" * 300)
    seen: list[bytes] = []

    def size(content: bytes) -> int:
        seen.append(content)
        return len(content)

    small = BZ2._replace(size=size, window=101)
    # 50 bytes hold 25 of the letters that take two; each of them costs 16 bits.
    assert bits_per_character(small, train, text, vocabulary) == 16
    both, context = sorted(seen, key=len, reverse=True)
    assert both == context + ("ßü" * 300).encode()[:50]
    assert ("ä" * 300 + prose(100)).encode().endswith(context)
    assert len(both) == 101


def test_bytes_are_compressed_as_they_are() -> None:
    content = bytes(range(256)) * 3
    vocabulary = Vocabulary.of_bytes()
    tokens = vocabulary.encode(content)
    assert encode(vocabulary, tokens) == content
    added = len(bz2.compress(content + content)) - len(bz2.compress(content))
    assert bits_per_character(BZ2, tokens, tokens, vocabulary) == 8 * added / len(content)


def test_documents_are_read_one_by_one() -> None:
    """Which document stands before one says nothing about it, though they alternate."""
    vocabulary = Vocabulary(tuple("abcd"), documents="line")
    train, text = vocabulary.encode_text("ab\ncd\n" * 60), vocabulary.encode_text("ab\ncd\n" * 8)
    slow = SlowWittenBell(train.tolist(), vocabulary.size, 6, vocabulary.end_id)
    found = {one.name: one.bits for one in measure_baselines(train, text, vocabulary).entries}
    assert found["6-gram"] * math.log(2) == pytest.approx(np.mean(slow.nats(text.tolist(), 6)))
    # One bit for each first letter, which is one of three tokens.
    assert found["6-gram"] == pytest.approx(1 / 3, abs=0.05)


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_the_end_of_a_document_is_a_byte_that_no_text_has(unit: str) -> None:
    text = "é\n\nb\n\n?"
    if unit == "byte":
        vocabulary = Vocabulary.of_bytes("blank-line")
    else:
        vocabulary = Vocabulary(tuple("\n?b"), min_count=2, documents="blank-line")
    tokens = vocabulary.encode_text(text)
    written = "é" if unit == "byte" else "\ufffd"
    assert encode(vocabulary, tokens) == b"\xff" + written.encode() + b"\xffb\xff?\xff"


def test_the_unknown_symbol_is_written_as_the_replacement_character() -> None:
    vocabulary = Vocabulary(tuple("?b"), min_count=2)
    assert encode(vocabulary, vocabulary.encode("bé?")).decode() == "b\ufffd?"


def test_a_lone_surrogate_has_bytes_too() -> None:
    train, text, vocabulary = encoded("ab\udcff" * 9, "\udcffab" * 9)
    assert measure_baselines(train, text, vocabulary).entries[-1].nats > 0


def test_what_bz2_sees_is_in_one_block_with_the_text() -> None:
    """Random text twice, its copy at the start of a block: a plain difference finds nothing in common."""
    chance = np.random.default_rng(0)
    text = chance.integers(0, 256, 400_000).astype(np.uint8)
    train = np.concatenate([chance.integers(0, 256, 500_000).astype(np.uint8), text])
    plain = len(bz2.compress(train.tobytes() + text.tobytes())) - len(bz2.compress(train.tobytes()))
    assert plain * 8 / len(text) > 7
    assert bits_per_character(BZ2, train, text, Vocabulary.of_bytes()) < 3
