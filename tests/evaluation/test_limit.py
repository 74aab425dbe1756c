"""A limit scores part of a long text: the same positions each time, from all over the text, each counted once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.evaluation import CHUNK_LENGTH, WARM_UP, Evaluator, Layout, choose_chunk_length
from model.small import VOCAB, build, weights

MODEL = build(cell="gru")
ROW = 4 * WARM_UP


def text(length: int) -> np.ndarray:
    return np.random.default_rng(length).integers(0, VOCAB, length).astype(np.uint8)


def positions_read(layout: Layout) -> np.ndarray:
    """Return the scored targets, as positions in the text."""
    tokens, positions = np.arange(layout.targets + 1), []
    for start in range(0, layout.read, CHUNK_LENGTH):
        inputs, _, counts = layout.cut(tokens, start, CHUNK_LENGTH)
        positions.append(inputs[counts == 1])
    return np.sort(np.concatenate(positions))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 90 * ROW), st.integers(1, 70 * ROW))
def test_a_limit_reads_the_beginning_of_each_row(targets: int, limit: int) -> None:
    layout = Layout.of(targets, limit)
    positions = positions_read(layout)
    assert len(positions) == layout.scored == len(set(positions.tolist()))
    if limit >= targets:
        assert layout == Layout.of(targets)
        assert layout.scored == targets
    else:
        assert len(positions) <= limit + layout.rows
        assert len(positions) >= min(limit, targets) - layout.rows * (1 + layout.read // 2)
        # Everywhere: no stretch without a position is longer than a row.
        assert np.diff(positions, prepend=0, append=targets).max() <= layout.length + 1


def test_a_limited_score_is_that_of_its_positions(evaluator: Evaluator) -> None:
    """Two rows, whose parts are scored one after the other, each with the state after the text before it."""
    tokens = text(20 * ROW)
    limited = evaluator.score(weights(MODEL), tokens, 2 * ROW)
    layout = Layout.of(len(tokens) - 1, 2 * ROW)
    assert (layout.rows, limited.characters) == (2, 2 * ROW)
    nats = evaluator.score(weights(MODEL), tokens[: ROW + 1]).nats
    start = layout.length
    before = evaluator.score(weights(MODEL), tokens[start - WARM_UP : start + 1]).nats
    nats += evaluator.score(weights(MODEL), tokens[start - WARM_UP : start + ROW + 1]).nats - before
    assert limited.nats == pytest.approx(nats, rel=1e-5)
    assert evaluator.score(weights(MODEL), tokens, 2 * ROW) == limited


def test_a_limit_beyond_the_text_changes_nothing(evaluator: Evaluator) -> None:
    tokens = text(3 * ROW)
    assert evaluator.score(weights(MODEL), tokens, 10**9) == evaluator.score(weights(MODEL), tokens)


def test_many_characters_are_scored_a_few_positions_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = text(2 * ROW + 50)
    whole = Evaluator(MODEL).score(weights(MODEL), tokens)
    monkeypatch.setattr("charloop.evaluation.evaluator.MAX_LOGITS", 2 * VOCAB * 40)
    assert [choose_chunk_length(*sizes) for sizes in ((2, VOCAB), (1, VOCAB), (64, 10**9))] == [
        32,
        64,
        1,
    ]
    parts = Evaluator(MODEL).score(weights(MODEL), tokens)
    assert parts.characters == whole.characters
    assert parts.nats == pytest.approx(whole.nats, rel=1e-5)
    monkeypatch.undo()
    assert choose_chunk_length(64, 256) == CHUNK_LENGTH
    assert 64 * choose_chunk_length(64, 20_000) * 20_000 <= 1 << 26


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(MODEL)


def test_the_nats_of_each_character_that_is_scored(evaluator: Evaluator) -> None:
    """In the order of the text, each once; the interval is over those alone."""
    tokens = text(20 * ROW)
    score = evaluator.score(weights(MODEL), tokens, 2 * ROW, per_character=True)
    assert score.per_character is not None
    assert score.per_character.shape == (score.characters,) == (2 * ROW,)
    whole = evaluator.score(weights(MODEL), tokens, per_character=True).per_character
    assert whole is not None
    start = Layout.of(len(tokens) - 1, 2 * ROW).length
    expected = np.concatenate([whole[:ROW], whole[start : start + ROW]])
    assert score.per_character == pytest.approx(expected, rel=1e-3)
    assert score.interval is not None
    assert score.interval.block_length == 2 * ROW // 30
