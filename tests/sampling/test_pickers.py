"""Picking one character: against a running sum in NumPy, and at the ends of the range."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from charloop.sampling import AtWordStarts, Chain, Greedy, Sample
from charloop.sampling.pickers import pick_at

GREATEST_SHARE = float(np.float32(1) - np.float32(2**-24))
weights = st.lists(st.sampled_from([0, 0, 1, 3, 1000]), min_size=9, max_size=9).filter(any)


@given(weights, st.floats(0, GREATEST_SHARE, width=32, allow_subnormal=False))
def test_the_character_at_which_the_running_sum_passes_the_share(row: list[int], share: float) -> None:
    edges = np.cumsum(row) / sum(row)
    assume((abs(edges[:-1] - share) > 1e-6).all())
    expected = next(index for index, edge in enumerate(edges) if edge > share)
    probabilities = jnp.array([row, row[::-1]], jnp.float32) / sum(row)
    assert pick_at(probabilities, jnp.array([share, 0.0])).tolist()[0] == expected


@pytest.mark.parametrize("share", [0.0, 0.5, GREATEST_SHARE])
def test_what_was_removed_is_never_picked(share: float) -> None:
    kept = np.random.default_rng(0).random((500, 300)) < 0.02
    kept[:, 7] = True
    probabilities = kept * np.random.default_rng(1).random(kept.shape).astype(np.float32)
    probabilities /= probabilities.sum(-1, keepdims=True)
    picked = np.asarray(pick_at(jnp.array(probabilities, jnp.float32), jnp.full(500, share, jnp.float32)))
    assert (probabilities[np.arange(500), picked] > 0).all()


def test_of_equal_ones_greedy_takes_the_lowest_id() -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    logits = jnp.array([[0.0, 2.0, 2.0], [1.0, 1.0, 1.0]])
    assert Greedy()(logits, jnp.zeros(2, int), keys).tolist() == [1, 0]


def test_each_batch_row_is_at_its_own_position_in_its_word() -> None:
    class Last:
        def __call__(self, logits: Any, previous: Any, _keys: Any) -> Any:
            return jnp.full_like(previous, logits.shape[1] - 1)

    picker = AtWordStarts(Last(), jnp.array([True, False, False]))
    keys = jax.random.split(jax.random.key(0), 3)
    assert picker(jnp.array([[0.0, 1.0, 0.0]] * 3), jnp.array([1, 0, 2]), keys).tolist() == [1, 2, 1]


def test_batch_rows_with_equal_keys_pick_alike_and_others_not() -> None:
    keys = jax.random.split(jax.random.key(0), 40)
    picked = Sample(Chain())(jnp.zeros((80, 5)), jnp.zeros(80, int), jnp.concatenate([keys, keys]))
    assert (picked[:40] == picked[40:]).all()
    assert len(set(picked.tolist())) == 5
