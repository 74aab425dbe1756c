"""Places in descending order, as Python sorts."""

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from charloop.sampling.ranks import ranks, sum_ahead

FEW = arrays(np.float32, (3, 7), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]))


@given(FEW)
def test_the_greatest_is_first_and_of_equals_the_lowest_id(values: np.ndarray) -> None:
    found = np.asarray(ranks(jnp.array(values)))
    for row, places in zip(values, found, strict=True):
        order = sorted(range(len(row)), key=lambda index: (-row[index], index))
        assert [order.index(index) for index in range(len(row))] == places.tolist()


@given(FEW, arrays(np.float32, (3, 7), elements=st.floats(0, 1, width=32)))
def test_the_sum_of_all_before(values: np.ndarray, shares: np.ndarray) -> None:
    places = ranks(jnp.array(values))
    found = np.asarray(sum_ahead(jnp.array(shares), places))
    for share, place, sums in zip(shares, np.asarray(places), found, strict=True):
        expected = [share[place < own].astype(np.float64).sum() for own in place]
        np.testing.assert_allclose(sums, expected, atol=1e-5)
