"""Each filter against a slow reference in NumPy."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cells.compiling import quick_jit
from charloop.errors import CharloopError
from charloop.sampling import Bias, Chain, MinP, Temperature, TopK, TopP
from charloop.sampling import selection as module

VOCAB = 11
# Few distinct values, so that ties are common, and some characters that another filter has removed; no subnormals,
# which compiled code takes for 0.
rows = st.lists(
    st.one_of(
        st.sampled_from([-2.0, 0.0, 1.0, 3.0, -np.inf]), st.floats(-8, 8, width=32, allow_subnormal=False)
    ),
    min_size=VOCAB,
    max_size=VOCAB,
).filter(lambda row: max(row) > -np.inf)
batches = st.lists(rows, min_size=2, max_size=2).map(lambda batch: np.array(batch, np.float32))


@pytest.fixture(params=["pairs", "thresholds"], autouse=True, scope="module")
def _way(request: pytest.FixtureRequest):
    """Both methods of selection: for an alphabet, and for thousands of characters."""
    before, module.MAX_PAIRS = module.MAX_PAIRS, 512 if request.param == "pairs" else 0
    yield
    module.MAX_PAIRS = before


@cache
def program(_most: int) -> Any:
    """Apply a filter to a batch; compiled once for each way to select."""
    return quick_jit(lambda filter_, batch: filter_(batch))


def kept(filter_: Any, batch: np.ndarray) -> list[set[int]]:
    """The ids that `filter_` leaves in each row; what it leaves must be unchanged."""
    after = np.asarray(program(module.MAX_PAIRS)(filter_, batch))
    assert after.dtype == np.float32
    stays = after > -np.inf
    np.testing.assert_array_equal(after[stays], batch[stays])
    return [set(np.flatnonzero(row).tolist()) for row in stays]


def best_first(row: np.ndarray) -> list[int]:
    """Ids that are not removed, greatest logit first, the lower id first among equals."""
    return sorted(np.flatnonzero(row > -np.inf).tolist(), key=lambda index: (-row[index], index))


def probabilities(row: np.ndarray) -> np.ndarray:
    weights = np.exp(row.astype(np.float64) - row.max())
    return weights / weights.sum()


@given(batches, st.integers(1, VOCAB + 3))
def test_top_k_keeps_exactly_the_first_k(batch: np.ndarray, k: int) -> None:
    assert kept(TopK(k), batch) == [set(best_first(row)[:k]) for row in batch]


def test_top_k_beyond_the_vocabulary_changes_nothing() -> None:
    batch = jax.random.normal(jax.random.key(0), (2, VOCAB))
    np.testing.assert_array_equal(TopK(2**31 - 1)(batch), batch)
    assert (TopK(VOCAB - 1)(batch) != batch).any()


def nucleus(row: np.ndarray, p: float) -> set[int]:
    mass, ids, gaps = 0.0, [], np.diff(np.unique(row[np.isfinite(row)]))
    assume(not (gaps < 1e-5).any())  # too near to tell apart as float32 probabilities
    for index in best_first(row):
        assume(abs(mass - p) > 1e-5)  # too near to tell in float32
        if mass >= p:
            break
        ids.append(index)
        mass += probabilities(row)[index]
    return set(ids)


@given(batches, st.floats(0.01, 0.99))
def test_top_p_keeps_the_smallest_set_that_reaches_p(batch: np.ndarray, p: float) -> None:
    assert kept(TopP(p), batch) == [nucleus(row, p) for row in batch]


def test_top_p_takes_the_character_that_crosses_p_and_always_one() -> None:
    batch = np.log(np.array([[0.5, 0.25, 0.125, 0.125], [0.125, 0.125, 0.25, 0.5]], np.float32))
    assert kept(TopP(0.5), batch) == [{0}, {3}]
    assert kept(TopP(0.6), batch) == [{0, 1}, {2, 3}]
    assert kept(TopP(0.8), batch) == [{0, 1, 2}, {0, 2, 3}]
    assert kept(TopP(1e-50), batch) == [{0}, {3}]
    assert kept(TopP(0.5), np.zeros((1, 4), np.float32)) == [{0, 1}]


def test_top_p_of_one_keeps_what_rounding_would_lose() -> None:
    batch = np.array([[30.0, 0.0, 0.0, -30.0]], np.float32)
    assert kept(TopP(1), batch) == [{0, 1, 2, 3}]


@given(batches, st.floats(0.0, 1.0))
def test_min_p_keeps_what_is_probable_enough_beside_the_likeliest(batch: np.ndarray, p: float) -> None:
    def twin(row: np.ndarray) -> set[int]:
        share = probabilities(row) / probabilities(row).max()
        assume(
            (abs(share - p)[(share != 0) & (share != 1)] > 1e-5 * share[(share != 0) & (share != 1)]).all()
        )
        return {index for index in best_first(row) if share[index] >= p}

    assert kept(MinP(p), batch) == [twin(row) for row in batch]


def test_min_p_at_both_ends_of_its_range() -> None:
    batch = np.array([[1.0, 3.0, 2.999, 3.0, -np.inf]], np.float32)
    assert kept(MinP(1), batch) == [{1, 3}]
    assert kept(MinP(0), batch) == [{0, 1, 2, 3}]


@given(batches, st.floats(0.01, 100))
def test_temperature_divides_the_logits(batch: np.ndarray, temperature: float) -> None:
    after = np.asarray(Temperature(temperature)(jnp.array(batch)))
    for row, expected in zip(after, batch, strict=True):
        np.testing.assert_allclose(
            probabilities(row), probabilities(expected.astype(np.float64) / temperature), atol=1e-5
        )


@pytest.mark.parametrize("temperature", [1e-300, 1e-40, 1e-6])
def test_temperature_near_zero_leaves_the_likeliest(temperature: float) -> None:
    batch = jnp.array([[1.0, 3.0, 2.999, -jnp.inf]])
    np.testing.assert_array_equal(jax.nn.softmax(Temperature(temperature)(batch)), [[0.0, 1.0, 0.0, 0.0]])


@given(batches)
def test_a_bias_of_minus_infinity_removes_its_ids_only(batch: np.ndarray) -> None:
    bias = Bias(jnp.zeros(batch.shape[1]).at[jnp.array([3, 5])].set(-jnp.inf))
    assert kept(bias, batch) == [set(best_first(row)) - {3, 5} for row in batch]


@pytest.mark.parametrize("count", [1, 2, 40, 1999, 2000])
def test_of_thousands_the_greatest_are_found_as_by_sorting(count: int) -> None:
    """Values of every size and sign, many of them equal, some removed."""
    draw = np.random.default_rng(count)
    batch = (draw.standard_normal((3, 2000)) * 10.0 ** draw.integers(-30, 30, (3, 2000))).astype(np.float32)
    batch[:, ::7], batch[:, ::11], batch[1, ::2] = 0.25, -0.0, -np.inf
    assert kept(TopK(count), batch) == [set(best_first(row)[:count]) for row in batch]


def test_a_chain_is_a_filter_and_keeps_the_order_given() -> None:
    batch = np.log(np.array([[0.4, 0.3, 0.2, 0.1]], np.float32))
    first, second = Bias(jnp.array([-jnp.inf, 0, 0, 0])), TopK(2)
    assert kept(Chain((first, second)), batch) == [{1, 2}]
    assert kept(Chain((second, first)), batch) == [{1}]
    assert kept(Chain((Chain((first,)), Chain(), second)), batch) == [{1, 2}]


@pytest.mark.parametrize(
    ("make", "value"),
    [
        *((Temperature, value) for value in (0, -1.0, float("nan"), float("inf"))),
        *((TopK, value) for value in (0, -1, 2**31)),
        *((TopP, value) for value in (0.0, -0.1, 1.1, float("nan"))),
        *((MinP, value) for value in (-0.1, 1.1, float("nan"))),
    ],
)
def test_values_out_of_range_are_refused(make: Any, value: float) -> None:
    with pytest.raises(CharloopError, match="allowed"):
        make(value)
