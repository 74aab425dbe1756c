"""Ranks, as Python sorts."""

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from charloop.sampling.selection import compute_ranks, sum_lower_ranks

FEW = arrays(np.float32, (3, 7), elements=st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]))


@given(FEW)
def test_the_greatest_is_first_and_of_equals_the_lowest_id(values: np.ndarray) -> None:
    found = np.asarray(compute_ranks(jnp.array(values)))
    for row, ranks in zip(values, found, strict=True):
        order = sorted(range(len(row)), key=lambda index: (-row[index], index))
        assert [order.index(index) for index in range(len(row))] == ranks.tolist()


@given(FEW, arrays(np.float32, (3, 7), elements=st.floats(0, 1, width=32)))
def test_the_sum_of_all_before(values: np.ndarray, shares: np.ndarray) -> None:
    ranks = compute_ranks(jnp.array(values))
    found = np.asarray(sum_lower_ranks(jnp.array(shares), ranks))
    for share, rank, sums in zip(shares, np.asarray(ranks), found, strict=True):
        expected = [share[rank < own].astype(np.float64).sum() for own in rank]
        np.testing.assert_allclose(sums, expected, atol=1e-5)
