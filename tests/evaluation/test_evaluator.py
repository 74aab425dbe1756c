"""Every character is scored once, predicted from the text before it, against slow sums."""

import math
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.errors import CharloopError
from charloop.evaluation import CHUNK_LENGTH, WARM_UP, Evaluator, Layout
from charloop.progress import Progress
from model.small import VOCAB, apply, build, weights

MODEL = build(cell="gru", dropout_output=0.5)
ROW = 4 * WARM_UP
"""Targets that justify a row of their own."""


def text(length: int) -> np.ndarray:
    return np.random.default_rng(length).integers(0, VOCAB, length).astype(np.uint8)


def slowly(tokens: np.ndarray) -> float:
    """Return the nats of `tokens[1:]`, summed in double precision."""
    return sum(slow_nats(tokens))


def slow_nats(tokens: np.ndarray) -> list[float]:
    """Return the nats of each of `tokens[1:]`, one character at a time."""
    params, memory, nats = weights(MODEL), MODEL.initial_state(1), []
    for now, then in pairwise(tokens):
        logits, memory = apply(MODEL, params, jnp.full((1, 1), now, jnp.int32), memory)
        row = np.asarray(logits[0, 0], np.float64)
        nats.append(math.log(np.exp(row - row.max()).sum()) + row.max() - row[then])
    return nats


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return Evaluator(MODEL)


@pytest.mark.parametrize(
    "length", [2, 3, CHUNK_LENGTH, CHUNK_LENGTH + 1, CHUNK_LENGTH + 2, 2 * CHUNK_LENGTH + 77]
)
def test_a_score_is_the_slow_sum(evaluator: Evaluator, length: int) -> None:
    """At lengths around the boundaries of a chunk, from the initial state, without dropout."""
    score = evaluator.score(weights(MODEL), text(length))
    assert score.characters == length - 1
    assert score.nats == pytest.approx(slowly(text(length)), rel=1e-5)


def test_progress_is_reported(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.progress.PAUSE_SECONDS", 0.0)
    readings: list[Progress] = []
    quiet = evaluator.score(weights(MODEL), text(3 * CHUNK_LENGTH + 2))
    score = evaluator.score(weights(MODEL), text(3 * CHUNK_LENGTH + 2), listener=readings.append)
    assert score.nats == quiet.nats
    assert [reading.done for reading in readings] == sorted(reading.done for reading in readings)
    assert 2 * CHUNK_LENGTH < readings[-1].done <= readings[-1].total == 3 * CHUNK_LENGTH + 1
    assert {(reading.doing, reading.million) for reading in readings} == {("scoring", "million characters")}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70 * ROW) | st.sampled_from([k * ROW + d for k in (1, 2, 4, 8, 64) for d in (-1, 0, 1)])
)
def test_every_character_is_counted_once_at_its_position(targets: int) -> None:
    layout, seen = Layout.of(targets), np.zeros(targets, int)
    tokens = np.arange(targets + 1)
    for start in range(0, layout.length, CHUNK_LENGTH):
        inputs, outputs, counts = layout.cut(tokens, start, CHUNK_LENGTH)
        positions = inputs[counts == 1]
        assert np.array_equal(outputs[counts == 1], positions + 1)
        assert set(np.unique(counts)) <= {0, 1}
        np.add.at(seen, positions, 1)
    assert (seen == 1).all()


@settings(deadline=None)
@given(st.integers(1, 70 * ROW))
def test_rows_are_long_enough_for_their_warm_up(targets: int) -> None:
    layout = Layout.of(targets)
    assert layout.rows in (1, 2, 4, 8, 16, 32, 64)
    assert layout.rows == 1 or layout.length >= ROW
    assert layout.rows == 64 or targets < 2 * ROW * layout.rows


def test_the_warm_up_reads_what_precedes_each_row_and_counts_nothing() -> None:
    layout = Layout.of(2 * ROW)
    assert layout.rows == 2
    inputs, _, counts = layout.cut(np.arange(2 * ROW + 1), -WARM_UP, WARM_UP)
    assert np.array_equal(inputs[:, 1], np.arange(ROW - WARM_UP, ROW))
    assert not counts.any()


def test_many_rows_have_nearly_the_score_of_one(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = text(4 * ROW + 300)
    many = evaluator.score(weights(MODEL), tokens)
    monkeypatch.setattr("charloop.evaluation.evaluator.MAX_ROWS", 1)
    four = Layout(len(tokens) - 1, 4, ROW + 75, ROW + 75)
    assert (Layout.of(len(tokens) - 1).rows, four.rows) == (1, 4)
    one = evaluator.score(weights(MODEL), tokens)
    assert many.characters == one.characters == len(tokens) - 1
    assert many.loss == pytest.approx(one.loss, rel=1e-4)
    monkeypatch.undo()
    monkeypatch.setattr("charloop.evaluation.evaluator.WARM_UP", 0)
    assert evaluator.score(weights(MODEL), tokens).nats != many.nats, (
        "rows that begin cold are another matter"
    )


def test_the_devices_for_scoring_may_differ_from_those_for_training(evaluator: Evaluator) -> None:
    """A long text is scored on both devices, a short one on one; the weights may be on either."""
    tokens = text(16 * ROW + 1)
    at_home = evaluator.score(weights(MODEL), tokens)
    away = jax.device_put(weights(MODEL), jax.devices()[1])
    assert evaluator.score(away, tokens) == at_home
    assert evaluator.score(away, text(50)) == evaluator.score(weights(MODEL), text(50))


def test_no_state_is_kept_between_two_texts(evaluator: Evaluator) -> None:
    first = evaluator.score(weights(MODEL), text(99))
    evaluator.score(weights(MODEL), text(98))
    assert evaluator.score(weights(MODEL), text(99)) == first


def test_the_nats_of_each_character(evaluator: Evaluator) -> None:
    """Each at its position, whichever row it was read in; they add up to the whole."""
    tokens = text(2 * ROW + 77)
    score = evaluator.score(weights(MODEL), tokens, per_character=True)
    assert score.per_character is not None
    assert score.per_character.shape == (len(tokens) - 1,)
    assert float(score.per_character.sum(dtype=np.float64)) == pytest.approx(score.nats, rel=1e-12)
    assert score.per_character[:200] == pytest.approx(slow_nats(tokens[:201]), rel=1e-4)
    assert score.per_character[-50:] == pytest.approx(slow_nats(tokens[-450:])[-50:], rel=1e-3)
    plain = evaluator.score(weights(MODEL), tokens)
    assert plain == score
    assert plain.per_character is None


def test_a_model_with_zero_weights_has_the_loss_of_the_uniform_distribution(evaluator: Evaluator) -> None:
    blank = jax.tree.map(jnp.zeros_like, weights(MODEL))
    assert evaluator.score(blank, text(60)).perplexity == pytest.approx(VOCAB, rel=1e-5)


@pytest.mark.parametrize("length", [0, 1])
def test_a_text_too_short_to_score_is_refused(evaluator: Evaluator, length: int) -> None:
    with pytest.raises(CharloopError, match=f"got '{length} characters'; allowed: 2 or more"):
        evaluator.score(weights(MODEL), text(length))
