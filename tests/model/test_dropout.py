"""Masks: how much is dropped, where, and that a mask depends on its batch row, location and key alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.dropout import apply_dropout, drop_characters
from charloop.errors import CharloopError
from charloop.model import CharLM, layer_parameters
from model.small import BATCH, HIDDEN, TIME, VOCAB, apply, build, characters, state, weights

RATE_NAMES = ("dropout_input", "dropout_between", "dropout_output")
KEY = jax.random.key(5)
compiled = jax.jit(apply_dropout, static_argnames=("rate", "variational"))


def mask(rate: float, shape: tuple[int, int, int], *, variational: bool = False, key=KEY, numbers=None):
    numbers = jnp.arange(shape[1]) if numbers is None else jnp.array(numbers)
    return np.asarray(compiled(key, rate, np.ones(shape, np.float32), numbers, variational=variational))


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_rate_is_kept_and_so_is_the_mean(rate: float, variational: bool) -> None:
    values = mask(rate, (64, 32, 101), variational=variational)
    draws = values[0] if variational else values
    error = 5 * (rate * (1 - rate) / draws.size) ** 0.5
    assert (draws == 0).mean() == pytest.approx(rate, abs=error)
    assert draws.mean() == pytest.approx(1, abs=error / (1 - rate))
    assert np.unique(draws[draws != 0]) == pytest.approx([1 / (1 - rate)], rel=2**-16 / (1 - rate))


def test_a_variational_mask_is_one_for_all_times_and_the_other_is_not() -> None:
    shape = (TIME, BATCH, 101)
    constant, changing = mask(0.5, shape, variational=True), mask(0.5, shape)
    assert (constant == constant[:1]).all()
    assert (constant[:, 0] != constant[:, 1]).any()
    assert (changing[0] != changing[1]).any()


def test_a_rows_mask_does_not_depend_on_the_other_rows() -> None:
    whole = mask(0.5, (TIME, 4, HIDDEN))
    for numbers in ([0, 1], [2, 3], [3], [2, 0, 1, 3]):
        assert np.array_equal(mask(0.5, (TIME, len(numbers), HIDDEN), numbers=numbers), whole[:, numbers])
    assert (whole[:, 0] != whole[:, 1]).any()


def test_nothing_is_dropped_at_rate_0_and_zeros_stay_zeros() -> None:
    values = jnp.full((TIME, BATCH, HIDDEN), jnp.nan)
    assert apply_dropout(KEY, 0.0, values, jnp.arange(BATCH), variational=False) is values
    assert not np.isnan(mask(0.999, (TIME, BATCH, HIDDEN))).any()


def slowly(model: CharLM, params, ids, memory, key):
    """Logits with the tutorial's three dropouts: on what is embedded, between layers, on what is read out."""
    config, numbers = model.config, jnp.arange(ids.shape[1])

    def drop(location: int, rate: float, values):
        ones = jnp.ones((ids.shape[0], ids.shape[1], values[0].shape[-1]))
        masks = apply_dropout(jax.random.fold_in(key, location), rate, ones, numbers, variational=False)
        return [value * masks[time] for time, value in enumerate(values)]

    values = drop(0, config.dropout_input, [params["embedding.weight"][time_step] for time_step in ids])
    for layer, now in enumerate(memory):
        outputs = []
        for value in values:
            now, output = model.cell.step(layer_parameters(params, layer), value, now)
            outputs.append(output)
        last = layer == len(memory) - 1
        values = drop(layer + 1, config.dropout_output if last else config.dropout_between, outputs)
    bias = jnp.broadcast_to(params["readout.bias"], (ids.shape[1], VOCAB))
    return jnp.stack([value @ params["readout.weight"].T + bias for value in values])


RATES = {"dropout_input": 0.3, "dropout_between": 0.4, "dropout_output": 0.6}


@pytest.mark.parametrize("unroll", ["fused", "scan"])
def test_dropout_is_at_the_tutorials_three_locations(unroll: str) -> None:
    model = build(num_layers=3, unroll=unroll, **RATES)
    given = weights(model), characters(), state(model)
    expected = jax.jit(slowly, static_argnums=0)(model, *given, KEY)
    dropped, _ = apply(model, *given, key=KEY)
    np.testing.assert_allclose(dropped, expected, rtol=1e-5, atol=1e-5)
    assert not np.allclose(dropped, apply(model, *given)[0])


@pytest.mark.parametrize("location", RATE_NAMES)
def test_each_rate_alone_changes_only_what_comes_after_it(location: str) -> None:
    model, plain = build(**{location: 0.5}), build()
    given = weights(model), characters(), state(model)
    (logits, states), (same, plain_states) = apply(model, *given, key=KEY), apply(plain, *given)
    assert not np.allclose(logits, same)
    untouched = {"dropout_input": 0, "dropout_between": 1, "dropout_output": 2}[location]
    for layer in range(2):
        equal = np.allclose(states[layer]["hidden"], plain_states[layer]["hidden"], atol=1e-6)
        assert equal == (layer < untouched)


def test_without_a_key_nothing_is_dropped() -> None:
    given = weights(build()), characters(), state(build())
    for kind in ("element", "variational"):
        model = build(dropout_kind=kind, embedding_dropout=0.5, **RATES)
        jax.tree.map(np.testing.assert_array_equal, apply(model, *given), apply(build(), *given))


def test_another_key_and_another_location_have_other_masks() -> None:
    first, other = (mask(0.5, (TIME, BATCH, 101), key=jax.random.fold_in(KEY, n)) for n in (0, 1))
    assert (first != other).any()
    # Equal weights and outputs in both layers would show one mask used twice: the slow twin above would differ.
    model = build(dropout_output=0.5)
    given = weights(model), characters(), state(model)
    logits = [apply(model, *given, key=jax.random.fold_in(KEY, step))[0] for step in (0, 0, 1)]
    assert np.array_equal(logits[0], logits[1])
    assert not np.allclose(logits[0], logits[2])


def test_the_model_uses_the_given_numbers_of_batch_rows() -> None:
    model = build(num_layers=1, dropout_output=0.5)
    params, ids, memory = weights(model), characters(batch=4), state(model, 4)
    whole, _ = apply(model, params, ids, memory, key=KEY)
    half = jax.tree.map(lambda leaf: leaf[2:], memory)
    part, _ = apply(model, params, ids[:, 2:], half, key=KEY, batch_rows=jnp.arange(2, 4))
    np.testing.assert_allclose(part, whole[:, 2:], rtol=1e-5, atol=1e-5)


def test_a_variational_model_drops_the_same_units_all_along() -> None:
    model = build(num_layers=1, dropout_output=0.5, dropout_kind="variational")
    params = weights(model) | {"readout.weight": jnp.eye(VOCAB, HIDDEN), "readout.bias": jnp.zeros(VOCAB)}
    dropped = np.asarray(apply(model, params, characters(8), state(model), key=KEY)[0][..., :HIDDEN]) == 0
    assert (dropped == dropped[:1]).all()
    assert 0 < dropped[0].sum() < dropped[0].size


def dropped_table(table: jax.Array, rate: float) -> jax.Array:
    """The embedding with whole rows dropped, row by row; the lower 16 bits of a word decide."""
    draws = np.asarray(jax.random.bits(jax.random.fold_in(KEY, 2**31 + 3), (len(table), 1), "uint32"))[:, 0]
    rows = [
        row * (2.0**-16 * (draw % 2**16) < 1 - rate) / (1 - rate)
        for row, draw in zip(table, draws, strict=True)
    ]
    return jnp.array(rows)


@pytest.mark.parametrize("unroll", ["fused", "scan"])
@pytest.mark.parametrize("tied", [False, True])
def test_dropped_characters_are_zeros_wherever_they_are_read_and_the_readout_keeps_them(
    unroll: str, tied: bool
) -> None:
    model = build(unroll=unroll, embed_size=HIDDEN, tie_embedding=tied, embedding_dropout=0.5)
    plain = build(unroll="scan", embed_size=HIDDEN)
    params, rest = weights(model), (characters(12), state(model))
    table = dropped_table(params["embedding.weight"], 0.5)
    assert 0 < (np.asarray(table) == 0).all(1).sum() < VOCAB
    by_hand = params | {"embedding.weight": table}
    by_hand["readout.weight"] = params["embedding.weight" if tied else "readout.weight"]
    dropped, memory = apply(model, params, *rest, key=KEY)
    expected, expected_memory = apply(plain, by_hand, *rest)
    np.testing.assert_allclose(dropped, expected, rtol=1e-5, atol=1e-5)
    jax.tree.map(
        lambda got, wanted: np.testing.assert_allclose(got, wanted, atol=1e-5), memory, expected_memory
    )


def test_characters_are_dropped_at_the_rate_and_their_mean_is_kept() -> None:
    table = np.asarray(drop_characters(KEY, 0.3, jnp.ones((4000, 2))))
    assert (table == 0).mean() == pytest.approx(0.3, abs=0.03)
    assert table.mean() == pytest.approx(1, abs=0.05)
    assert np.array_equal(table[:, 0], table[:, 1])


def test_one_hot_input_has_no_characters_to_drop() -> None:
    with pytest.raises(CharloopError, match=r"--embedding-dropout.*--embed-size 64"):
        build(embed_size=0, embedding_dropout=0.1)
