"""What the network computes, against a reference layer by layer; in pieces or as a whole; at any length."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.loss import cross_entropy
from charloop.model import CharLM, layer_parameters
from charloop.unroll import choose_unrolling
from choosing import slow
from model.small import BATCH, EMBED, HIDDEN, TIME, VOCAB, apply, build, characters, state, weights

SOURCES = ({"embed_size": 0}, {"embed_size": HIDDEN, "tie_embedding": True})
close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)


@partial(jax.jit, static_argnums=0)
def slowly(model: CharLM, params, ids, memory):
    """Logits and state, one character and one layer at a time."""
    memory, rows = list(memory), []
    table = params.get("embedding.weight", np.eye(VOCAB, dtype=np.float32))
    for time_step in ids:
        x, outputs = jnp.stack([jnp.array(table)[character] for character in time_step]), []
        for layer in range(model.config.num_layers):
            memory[layer], x = model.cell.step(layer_parameters(params, layer), x, memory[layer])
            outputs.append(x)
        x = sum(outputs) if model.config.readout_from == "all" else x
        weight = params["embedding.weight" if model.config.tie_embedding else "readout.weight"]
        rows.append(x @ weight.T + jnp.broadcast_to(params["readout.bias"], (len(time_step), VOCAB)))
    return jnp.stack(rows), tuple(memory)


def assert_same(first, second) -> None:
    jax.tree.map(close, first, second)


@pytest.mark.parametrize("cell", ["gru", "ln-lstm"])
def test_apply_is_the_layers_one_after_the_other(cell: str) -> None:
    model = build(cell=cell)
    given = weights(model), characters(), state(model)
    assert_same(apply(model, *given), slowly(model, *given))


@pytest.mark.parametrize("unroll", ["fused", "scan"])
def test_the_readout_reads_the_sum_of_all_layers(unroll: str) -> None:
    model = build(num_layers=3, unroll=unroll, readout_from="all")
    given = weights(model), characters(), state(model)
    assert_same(apply(model, *given), slowly(model, *given))
    assert not np.allclose(apply(model, *given)[0], apply(build(num_layers=3), *given)[0], atol=0.01)


def test_a_single_layer_is_all_layers() -> None:
    model, plain = (build(num_layers=1, readout_from=layers) for layers in ("all", "last"))
    given = weights(model), characters(), state(model)
    jax.tree.map(np.testing.assert_array_equal, apply(model, *given), apply(plain, *given))


@pytest.mark.parametrize("settings", SOURCES)
def test_one_hot_and_tied_networks_too(settings: dict) -> None:
    model = build(**settings)
    given = weights(model), characters(), state(model)
    assert_same(apply(model, *given), slowly(model, *given))


def test_one_hot_is_an_embedding_by_the_identity() -> None:
    one_hot, embedded = build(embed_size=0), build(embed_size=VOCAB)
    params = weights(one_hot)
    identity = params | {"embedding.weight": jnp.eye(VOCAB)}
    assert identity.keys() == weights(embedded).keys()
    given = characters(), state(one_hot)
    assert_same(apply(one_hot, params, *given), apply(embedded, identity, *given))


def test_the_tied_matrix_is_used_at_both_ends() -> None:
    model = build(embed_size=HIDDEN, tie_embedding=True)
    params, ids, memory = weights(model), characters(), state(model)
    unread = next(c for c in range(VOCAB) if c not in np.asarray(ids))
    changed = params | {"embedding.weight": params["embedding.weight"].at[unread].add(1.0)}
    difference = apply(model, changed, ids, memory)[0] - apply(model, params, ids, memory)[0]
    assert np.flatnonzero(np.asarray(jnp.abs(difference)).max((0, 1)) > 1e-6).tolist() == [unread]


@pytest.mark.parametrize("unroll", ["fused", "scan"])
def test_a_text_in_chunks_is_the_text_in_one(unroll: str) -> None:
    model, ids = build(unroll=unroll), characters(2 * TIME + 1)
    params, memory = weights(model), state(model)
    whole, last = apply(model, params, ids, memory)
    pieces = []
    for piece in (ids[:TIME], ids[TIME : TIME + 1], ids[TIME + 1 :]):
        logits, memory = apply(model, params, piece, memory)
        pieces.append(logits)
    assert_same((jnp.concatenate(pieces), memory), (whole, last))


def test_lengths_freeze_the_state_of_a_row_that_has_ended() -> None:
    model, ids = build(), characters(batch=3)
    params, memory = weights(model), state(model, 3)
    lengths = jnp.array([TIME, 1, 0])
    logits, after = apply(model, params, ids, memory, lengths=lengths)
    for row, length in enumerate([TIME, 1, 0]):
        own = jax.tree.map(lambda leaf, row=row: leaf[row : row + 1], memory)
        expected = apply(model, params, ids[:length, row : row + 1], own) if length else (logits[:0, :1], own)
        close(logits[:length, row : row + 1], expected[0])
        assert_same(jax.tree.map(lambda leaf, row=row: leaf[row : row + 1], after), expected[1])


def loss_and_gradients(model: CharLM):
    ids, memory = jnp.array(characters(TIME + 1)), state(model)

    def loss(params, memory):
        return cross_entropy(model.apply(params, ids[:-1], memory)[0], ids[1:]).mean()

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(weights(model), memory)


@pytest.mark.parametrize(("cell", "settings"), [slow(("gru", SOURCES[0])), ("ln-lstm", SOURCES[1])])
def test_the_whole_model_has_the_same_gradients_fused_and_scanned(cell: str, settings: dict) -> None:
    fused, scanned = build(cell=cell, **settings), build(cell=cell, unroll="scan", **settings)
    assert [choose_unrolling(m.config.unroll, m.cell)[0] for m in (fused, scanned)] == ["fused", "scan"]
    assert_same(loss_and_gradients(fused), loss_and_gradients(scanned))


def test_the_loss_is_nats_of_the_softmax() -> None:
    logits = np.random.default_rng(0).normal(size=(TIME, BATCH, VOCAB)).astype(np.float32)
    targets = np.asarray(characters())
    odds = np.exp(logits.astype(np.float64))
    likely = np.take_along_axis(odds / odds.sum(-1, keepdims=True), targets[..., None], -1)[..., 0]
    close(cross_entropy(jnp.array(logits), jnp.array(targets)), -np.log(likely))


def test_the_sizes_of_these_tests_are_all_different() -> None:
    assert len({TIME, BATCH, HIDDEN, EMBED, VOCAB}) == 5
