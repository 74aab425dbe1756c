"""A network of documents: each is read from an empty memory, wherever it stands."""

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.evaluation import WARM_UP, Evaluator, Layout
from charloop.evaluation.documents import sum_by_document
from charloop.model import CharLM
from choosing import mostly_slow
from model.small import VOCAB, apply, build, state, weights

END = VOCAB - 1
UNROLLINGS = ("static", "dynamic", "scan", "xla", "fused")


def of_documents(**settings: object) -> CharLM:
    """A network for which the last token ends documents."""
    return replace(build(**settings), end_id=END)


def documents(*sizes: int) -> list[np.ndarray]:
    """Documents of these sizes, each with the end symbol."""
    random = np.random.default_rng(sum(sizes))
    return [np.append(random.integers(0, END, size), END).astype(np.int32) for size in sizes]


def slow_nats(model: CharLM, document: np.ndarray) -> list[float]:
    """The nats of a document's characters and its end, one at a time, from an empty memory and the start symbol."""
    plain = replace(model, end_id=None)
    params, memory, nats = weights(plain), plain.initial_state(1), []
    for read, then in zip([END, *document[:-1]], document, strict=True):
        logits, memory = apply(plain, params, jnp.full((1, 1), read, jnp.int32), memory)
        row = np.asarray(logits[0, 0], np.float64)
        nats.append(float(np.log(np.exp(row - row.max()).sum()) + row.max() - row[then]))
    return nats


@pytest.mark.parametrize(
    ("unroll", "cell"),
    mostly_slow(
        itertools.product(UNROLLINGS, ("lstm", "gru")),
        lambda case: (case[1] == "lstm" and case[0] != "static") or case[0] == "fused",
    ),
)
def test_a_document_in_a_chunk_is_one_that_is_read_alone(unroll: str, cell: str) -> None:
    """With a memory that is not empty before it, and another document after it."""
    model = of_documents(unroll=unroll, cell=cell)
    params, (first, second) = weights(model), documents(5, 4)
    ids = np.concatenate([[1, END], first, second])[:, None]
    both = apply(model, params, jnp.array(ids), state(model, batch=1))[0]
    for start, document in ((1, first), (1 + len(first), second)):
        alone = apply(model, params, jnp.array([END, *document])[:, None], model.initial_state(1))[0]
        # Not to the bit: products of other sizes are summed in another order.
        np.testing.assert_allclose(both[start:][: len(alone)], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unroll", UNROLLINGS)
def test_what_stands_before_a_document_does_not_change_a_bit_of_it(unroll: str) -> None:
    model, (document,) = of_documents(unroll=unroll), documents(6)
    params = weights(model)
    made = [
        apply(model, params, jnp.array([*before, END, *document])[:, None], state(model, 1, seed=seed))[0][3:]
        for seed, before in ((1, [2, 3, 4]), (2, [7, END, 0]))
    ]
    assert (np.asarray(made[0]) == np.asarray(made[1])).all()


def test_a_gradient_does_not_cross_the_end_of_a_document() -> None:
    model, memory = of_documents(), jax.tree.map(jnp.array, state(build(), 1))

    def later(memory: object, ids: list[int]) -> jax.Array:
        logits, _ = model.apply(weights(model), jnp.array(ids)[:, None], memory)
        return logits[-1].sum()

    for ids, is_cut in (([1, 2, 3], False), ([1, END, 3], True), ([END, 2, 3], True)):
        gradient = jax.grad(later)(memory, ids)
        assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(gradient)) == is_cut


@pytest.mark.parametrize("sizes", [(1,), (3, 1, 2), (700, 900, 5, 5, 2500, 1, 300, 40)])
def test_the_cost_of_each_document_is_its_own(sizes: tuple[int, ...]) -> None:
    """Also in several batch rows, and where one is longer than what a row reads to warm up."""
    model, given = of_documents(num_layers=1), documents(*sizes)
    tokens = np.concatenate([[END], *given])
    score = Evaluator(model).score(weights(model), tokens, per_character=True)
    assert score.per_character is not None
    costs = sum_by_document(tokens, score.per_character, END)
    assert costs.characters.tolist() == list(sizes)
    assert [tokens[start] for start in costs.starts] == [document[0] for document in given]
    expected = [sum(slow_nats(model, document)) for document in given]
    np.testing.assert_allclose(costs.nats, expected, rtol=1e-5)
    bits = np.array(expected) / (np.array(sizes) + 1) / np.log(2)
    np.testing.assert_allclose(costs.bits_per_character, bits, rtol=1e-5)


def test_rows_begin_with_documents_where_those_are_short_enough() -> None:
    tokens = np.zeros(8 * 4 * WARM_UP + 1, np.int32)
    ends = [0, 1000, 2000, 2900, 4050, 8100, len(tokens) - 1]
    tokens[ends] = END
    layout = Layout.of(len(tokens) - 1).align(tokens, END)
    assert layout.rows == 8
    assert layout.starts.tolist() == [0, 1000, 2000, 2900, 4050, 5120, 6144, 7168]
    assert layout.scored == len(tokens) - 1
    seen = np.concatenate(
        [
            layout.index_scored(start, 128)[0][layout.index_scored(start, 128)[1]]
            for start in range(0, layout.read, 128)
        ]
    )
    assert sorted(seen.tolist()) == list(range(len(tokens) - 1))


def test_a_limit_holds_where_rows_are_moved() -> None:
    tokens = np.tile(np.array([END, 1, 2, 3, 4], np.int32), 4000)
    layout = Layout.of(len(tokens) - 1, 2048).align(tokens, END)
    assert layout.rows == 2
    assert layout.read == 1024
    assert layout.scored == 2048
