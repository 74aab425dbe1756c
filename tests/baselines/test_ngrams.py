"""The sorted n-grams against the equations, character by character; what a probability must be."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.slow import SlowWittenBell
from charloop.baselines import witten_bell

VOCAB = 4


def tokens(length: st.SearchStrategy[int]) -> st.SearchStrategy[list[int]]:
    return length.flatmap(lambda n: st.lists(st.integers(0, VOCAB - 1), min_size=n, max_size=n))


@settings(max_examples=200, deadline=None)
@given(tokens(st.integers(1, 80)), tokens(st.integers(2, 40)))
def test_every_order_is_what_the_equations_say(train: list[int], text: list[int]) -> None:
    slow = SlowWittenBell(train, VOCAB, 6)
    found = list(witten_bell(np.array(train, np.uint8), np.array(text, np.uint8), VOCAB))
    assert len(found) == 6
    for order, nats in enumerate(found, start=1):
        assert nats == pytest.approx(slow.nats(text, order), rel=1e-12), order


@settings(max_examples=200, deadline=None)
@given(tokens(st.integers(1, 80)), tokens(st.integers(2, 40)), st.integers(0, VOCAB - 1))
def test_no_context_extends_before_a_document(train: list[int], text: list[int], end: int) -> None:
    """Wherever ends are: also two in a row, or none."""
    slow = SlowWittenBell(train, VOCAB, 6, end)
    found = witten_bell(np.array(train, np.uint8), np.array(text, np.uint8), VOCAB, end=end)
    for order, nats in enumerate(found, start=1):
        assert nats == pytest.approx(slow.nats(text, order), rel=1e-12), order


def test_values_computed_by_hand() -> None:
    """Trained on `abab`, predicting `abc`: c is in the vocabulary but never occurred."""
    train, a, b, c = np.array([0, 1, 0, 1]), 0, 1, 2
    _, bigram = (np.exp(-nats) for nats in witten_bell(train, np.array([a, b, c]), 3, highest=2))
    unigram_b, unigram_c = (2 + 2 / 3) / 6, (2 / 3) / 6
    # a is followed twice, by b alone; b once, by a alone.
    assert bigram == pytest.approx([(2 + unigram_b) / 3, unigram_c / 2])


def test_order_n_sees_n_minus_1_characters_and_no_more() -> None:
    """Copies of a text that differ just beyond the context of an order have the same loss, for that order alone."""
    chance = np.random.default_rng(0)
    train = chance.integers(0, VOCAB, 3000)
    text = chance.integers(0, VOCAB, 20)
    base = list(witten_bell(train, text, VOCAB))
    for reach in range(1, 6):
        other = text.copy()
        other[-1 - reach] = (other[-1 - reach] + 1) % VOCAB
        for order, (nats, nats_base) in enumerate(
            zip(witten_bell(train, other, VOCAB), base, strict=True), 1
        ):
            assert bool(nats[-1] == nats_base[-1]) is (order <= reach), (reach, order)


@settings(max_examples=50, deadline=None)
@given(tokens(st.integers(1, 60)), tokens(st.integers(1, 8)))
def test_probabilities_sum_to_one_and_none_is_zero(train: list[int], context: list[int]) -> None:
    """Over the vocabulary of six, of which two never occur."""
    chances = np.array(
        [
            [nats[-1] for nats in witten_bell(np.array(train), np.array([*context, token]), VOCAB + 2)]
            for token in range(VOCAB + 2)
        ]
    )
    assert np.isfinite(chances).all()
    assert np.exp(-chances).sum(axis=0) == pytest.approx(np.ones(6))


def test_a_vocabulary_of_twenty_thousand() -> None:
    """Its 6-grams do not fit into 64 bits; their numbers do."""
    chance = np.random.default_rng(1)
    train = (chance.pareto(0.5, 3000) * 20).astype(np.int64) % 20_000
    text = np.concatenate([train[1000:1400], [19_999, 0, 19_998]]).astype(np.uint16)
    slow = SlowWittenBell([int(t) for t in train], 20_000, 6)
    for order, nats in enumerate(witten_bell(train.astype(np.uint16), text, 20_000), start=1):
        assert nats == pytest.approx(slow.nats([int(t) for t in text], order), rel=1e-12)


def test_nothing_is_counted_across_the_end_of_the_training_text() -> None:
    train, text = np.array([0, 0, 0, 1]), np.array([2, 2, 1, 2, 2, 1])
    before = [nats.copy() for nats in witten_bell(train, text, 3)]
    assert math.isclose(float(np.exp(-before[1][0])), 1 / 3 * 2 / 6, rel_tol=1e-12), (
        "2 after 2 was never seen"
    )
    slow = SlowWittenBell([0, 0, 0, 1], 3, 6)
    assert before[5] == pytest.approx(slow.nats([2, 2, 1, 2, 2, 1], 6))
