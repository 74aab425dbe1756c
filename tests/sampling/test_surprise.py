"""Bits of each character, against a NumPy loop of one time step after the other."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sampling_fakes import ALPHABET, ELMAN, WEIGHTS, Elman

from charloop.sampling.surprise import BUCKET, SurpriseReader


def by_hand(ids: list[int], prompt: int) -> list[float]:
    """The bits of what follows the first `prompt` of `ids`, in float64."""
    weights = {name: np.asarray(value, np.float64) for name, value in WEIGHTS.items()}
    h, bits = np.zeros(ELMAN.hidden), []
    for here, after in pairwise(ids):
        h = np.tanh(weights["x"][here] + h @ weights["h"])
        logits = h @ weights["y"]
        bits.append((np.logaddexp.reduce(logits) - logits[after]) / np.log(2))
    return bits[prompt - 1 :]


@given(st.lists(st.integers(0, len(ALPHABET) - 1), min_size=2, max_size=3 * BUCKET), st.data())
def test_the_bits_are_the_models_own_however_the_text_comes_in_pieces(
    ids: list[int], data: st.DataObject
) -> None:
    prompt = data.draw(st.integers(1, len(ids) - 1))
    cut = data.draw(st.integers(prompt, len(ids)))
    reader = SurpriseReader(ELMAN, WEIGHTS, np.array(ids[:prompt], np.int32))
    pieces = [reader.feed(np.array(piece, np.int32)) for piece in (ids[prompt:cut], ids[cut:])]
    np.testing.assert_allclose(np.concatenate(pieces), by_hand(ids, prompt), rtol=1e-3, atol=1e-4)


def test_one_program_serves_pieces_of_all_lengths() -> None:
    model = Elman()
    reader = SurpriseReader(model, WEIGHTS, np.array([0], np.int32))
    for count in (1, 5, BUCKET, BUCKET + 1):
        reader.feed(np.zeros(count, np.int32))
    assert model.traces.count(BUCKET) == 1
