"""States that were kept are those of reading from the beginning, to the bit."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from charloop.serving.reading import PIECES, Reader
from charloop.serving.texts import NO_IDS, Scored, ScoringWork
from exporting.networks import draw_tokens, make_network

LENGTH = 3 * PIECES[-1] + 20


def read(reader: Reader, ids: np.ndarray) -> tuple[int, list[np.ndarray]]:
    """Return how many pieces were read, and the arrays of the state."""
    *pieces, state = reader.find_state(ids)
    assert pieces == [None] * len(pieces)
    return len(pieces), [np.asarray(part) for part in jax.tree.leaves(state)]


def equal(ones: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(ones, others, strict=True))


@pytest.fixture(params=["gru", "ln-lstm", "documents"])
def network(request: pytest.FixtureRequest) -> Iterator[Any]:
    return make_network(request.param)


def test_a_text_that_grew_or_was_cut_is_read_from_where_it_is_the_same(network: Any) -> None:
    ids, reader = draw_tokens(network, LENGTH), Reader(network.model, network.params)
    other = ids.copy()
    other[PIECES[-1] + 5] += 1
    cases = [(ids[:300], 2), (ids, 3), (ids, 0), (ids[: 2 * PIECES[-1]], 0), (ids[:600], 1), (other, 3)]
    cases += [(ids[:0], 0), (ids[:1], 1)]
    for text, expected in cases:
        pieces, state = read(reader, text)
        assert pieces == expected
        assert equal(state, read(Reader(network.model, network.params), text)[1])


def test_few_states_are_kept_if_there_is_little_room(network: Any) -> None:
    ids, reader = draw_tokens(network, LENGTH), Reader(network.model, network.params, kept_bytes=0)
    for text in (ids, ids[:300], ids):
        _, state = read(reader, text)
        assert equal(state, read(Reader(network.model, network.params), text)[1])
    assert read(reader, ids)[0] == 0
    assert read(reader, ids[:300])[0] == 2


@pytest.mark.parametrize("before", [1, PIECES[-1], PIECES[-1] + 1, 600, LENGTH])
def test_a_score_begins_at_a_kept_state(network: Any, before: int) -> None:
    ids, scored = draw_tokens(network, LENGTH), list[Any]()
    reader = Reader(network.model, network.params)
    for _ in (0, 1):
        work = ScoringWork(ids[:before], ids[before:] if before < LENGTH else NO_IDS, scored.append)
        pieces = sum(1 for _ in work.steps(reader))
        assert all(isinstance(each, Scored) for each in scored), scored
        assert len(scored[-1].logs.chosen) == LENGTH - before
    assert np.array_equal(scored[0].logs.chosen, scored[1].logs.chosen)
    assert np.array_equal(scored[0].next_logits, scored[1].next_logits)
    nats = network.score(ids, per_character=True).per_character
    np.testing.assert_allclose(-scored[0].logs.chosen, nats[before - 1 :], rtol=1e-4, atol=1e-5)
    assert pieces <= 1 + (LENGTH - before) // PIECES[-1] + 2
