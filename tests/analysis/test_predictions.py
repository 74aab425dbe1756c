"""What a network expected, against one time step at a time and probabilities in plain NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.networks import nested, network, slowly, tokens
from charloop.analysis import predict_tokens
from charloop.errors import CharloopError
from charloop.evaluation import CHUNK_LENGTH
from model.small import VOCAB

LONG = CHUNK_LENGTH + 30


@pytest.mark.parametrize("made", [network(), network(cell="gru", embed_size=0), nested()])
def test_bits_and_the_likeliest_are_those_of_the_softmax(made) -> None:
    text = tokens(LONG)
    logits = slowly(made, text)[0][:-1]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = predict_tokens(made, text, top=4)
    assert found.bits.shape == (LONG - 1,)
    np.testing.assert_allclose(
        found.bits, -np.log2(probabilities[np.arange(LONG - 1), text[1:]]), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(found.chances, -np.sort(-probabilities)[:, :4], rtol=1e-4)
    rows = np.arange(LONG - 1)[:, None]
    np.testing.assert_allclose(probabilities[rows, found.likeliest], found.chances, rtol=1e-4)


def test_the_bits_are_those_that_evaluation_finds() -> None:
    made, text = network(), tokens(LONG)
    assert predict_tokens(made, text).bits.mean() == pytest.approx(
        made.score(text).bits_per_character, rel=1e-5
    )


def test_more_than_there_are_is_all_of_them() -> None:
    found = predict_tokens(network(), tokens(5), top=VOCAB + 1)
    assert np.sort(found.likeliest).tolist() == [list(range(VOCAB))] * 4
    np.testing.assert_allclose(found.chances.sum(1), 1, rtol=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, LONG - 1))
def test_nothing_comes_from_what_follows(length: int) -> None:
    made, text = network(), tokens(LONG)
    whole, part = predict_tokens(made, text), predict_tokens(made, text[:length])
    np.testing.assert_allclose(part.bits, whole.bits[: length - 1], rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "top", "said"),
    [
        (tokens(1), 5, "got '1 characters'; allowed: 2 or more"),
        (np.array([1, VOCAB, 3]), 5, f"a token: got {VOCAB}; allowed: 0 to {VOCAB - 1}"),
        (np.array([1, -1, 3]), 5, "a token: got -1"),
        (tokens(3), 0, "top: got 0; allowed: 1 or more"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(text: np.ndarray, top: int, said: str) -> None:
    with pytest.raises(CharloopError, match=said):
        predict_tokens(network(), text, top)
