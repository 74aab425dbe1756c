"""A part of a long text stands for all of it: the same places each time, from everywhere, each counted once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.evaluation import CHUNK, WARM_UP, Evaluator, Layout, chunk_for
from model.small import VOCAB, build, weights

MODEL = build(cell="gru")
LANE = 4 * WARM_UP


def text(length: int) -> np.ndarray:
    return np.random.default_rng(length).integers(0, VOCAB, length).astype(np.uint8)


def places_read(layout: Layout) -> np.ndarray:
    """The targets that count, as places in the text."""
    tokens, places = np.arange(layout.targets + 1), []
    for start in range(0, layout.read, CHUNK):
        inputs, _, counts = layout.cut(tokens, start, CHUNK)
        places.append(inputs[counts == 1])
    return np.sort(np.concatenate(places))


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 90 * LANE), st.integers(1, 70 * LANE))
def test_a_limit_reads_the_beginning_of_each_lane(targets: int, limit: int) -> None:
    layout = Layout.of(targets, limit)
    places = places_read(layout)
    assert len(places) == layout.scored == len(set(places.tolist()))
    if limit >= targets:
        assert layout == Layout.of(targets)
        assert layout.scored == targets
    else:
        assert len(places) <= limit + layout.lanes
        assert len(places) >= min(limit, targets) - layout.lanes * (1 + layout.read // 2)
        # Everywhere: no stretch without a place is longer than a lane.
        assert np.diff(places, prepend=0, append=targets).max() <= layout.length + 1


def test_a_limited_score_is_that_of_its_places(evaluator: Evaluator) -> None:
    """Two lanes: their parts are scored one after the other, each with the memory of what stands before it."""
    tokens = text(20 * LANE)
    limited = evaluator.score(weights(MODEL), tokens, 2 * LANE)
    layout = Layout.of(len(tokens) - 1, 2 * LANE)
    assert (layout.lanes, limited.characters) == (2, 2 * LANE)
    nats = evaluator.score(weights(MODEL), tokens[: LANE + 1]).nats
    start = layout.length
    before = evaluator.score(weights(MODEL), tokens[start - WARM_UP : start + 1]).nats
    nats += evaluator.score(weights(MODEL), tokens[start - WARM_UP : start + LANE + 1]).nats - before
    assert limited.nats == pytest.approx(nats, rel=1e-5)
    assert evaluator.score(weights(MODEL), tokens, 2 * LANE) == limited


def test_a_limit_beyond_the_text_changes_nothing(evaluator: Evaluator) -> None:
    tokens = text(3 * LANE)
    assert evaluator.score(weights(MODEL), tokens, 10**9) == evaluator.score(weights(MODEL), tokens)


def test_many_characters_are_scored_a_few_places_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = text(2 * LANE + 50)
    whole = Evaluator(MODEL).score(weights(MODEL), tokens)
    monkeypatch.setattr("charloop.evaluation.evaluator.MOST_LOGITS", 2 * VOCAB * 40)
    assert [chunk_for(2, VOCAB), chunk_for(1, VOCAB), chunk_for(64, 10**9)] == [32, 64, 1]
    parts = Evaluator(MODEL).score(weights(MODEL), tokens)
    assert parts.characters == whole.characters
    assert parts.nats == pytest.approx(whole.nats, rel=1e-5)
    monkeypatch.undo()
    assert chunk_for(64, 256) == CHUNK
    assert 64 * chunk_for(64, 20_000) * 20_000 <= 1 << 26


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(MODEL)


def test_the_nats_of_each_character_that_is_scored(evaluator: Evaluator) -> None:
    """In the order of the text, none left out and none twice; the interval is over those alone."""
    tokens = text(20 * LANE)
    score = evaluator.score(weights(MODEL), tokens, 2 * LANE, per_character=True)
    assert score.per_character is not None
    assert score.per_character.shape == (score.characters,) == (2 * LANE,)
    whole = evaluator.score(weights(MODEL), tokens, per_character=True).per_character
    assert whole is not None
    start = Layout.of(len(tokens) - 1, 2 * LANE).length
    expected = np.concatenate([whole[:LANE], whole[start : start + LANE]])
    assert score.per_character == pytest.approx(expected, rel=1e-3)
    assert score.interval is not None
    assert score.interval.block_length == 2 * LANE // 30
