"""Dynamic evaluation against a loop over segments written from the equations."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from charloop.config import DynamicConfig
from charloop.engines import XLA
from charloop.errors import CharloopError
from charloop.evaluation import Evaluator
from charloop.evaluation.dynamic import SEGMENTS_PER_CALL, DynamicEvaluator, measure_gradients
from charloop.loss import cross_entropy
from choosing import slow
from model.small import VOCAB, build, loss_and_gradients, weights

MODEL = build(cell="gru", dropout_output=0.5)
SETTINGS = DynamicConfig(
    dynamic_rate=0.4, dynamic_decay=0.05, dynamic_epsilon=0.1, dynamic_clip=1.1, dynamic_segment=5
)
"""About half of the steps are longer than 1.1 times the usual one."""


def text(length: int) -> np.ndarray:
    """Return a text with something to learn: few symbols, most of them repeated at a distance of 7."""
    found = np.random.default_rng(length).integers(0, VOCAB, length)
    return np.where(np.arange(length) % 3 > 0, np.roll(found[:7].repeat(1), 0)[np.arange(length) % 7], found)


@pytest.fixture(scope="module")
def gradients() -> Any:
    return measure_gradients(MODEL, weights(MODEL), text(300), SETTINGS.dynamic_segment)


def flat(values: Any) -> np.ndarray:
    return np.concatenate([np.ravel(value) for value in values.values()])


def length_of(step: Any) -> float:
    return float(np.sqrt((flat(step) ** 2).mean()))


def learn_slowly(
    tokens: np.ndarray, gradients: Any, settings: DynamicConfig
) -> tuple[np.ndarray, Any, list[float]]:
    """Return the nats of `tokens[1:]`, the last weights, and the lengths of the steps before they are shortened."""
    trained = weights(MODEL)
    params, state, nats = dict(trained), MODEL.initial_state(1), []
    lengths: list[float] = []
    mean = flat(gradients).mean()
    scales = {name: value / mean for name, value in gradients.items()}
    usual = length_of(
        {name: value / (scales[name] + settings.dynamic_epsilon) for name, value in gradients.items()}
    )

    @jax.jit
    def gradient(params: Any, state: Any, window: Any) -> Any:
        def loss(params: Any) -> Any:
            logits, after = MODEL.apply(params, window[:-1, None], state)
            each = cross_entropy(logits, window[1:, None])
            return each.mean(), (after, each[:, 0])

        return jax.grad(loss, has_aux=True)(params)

    for start in range(0, len(tokens) - 1, settings.dynamic_segment):
        window = jnp.asarray(tokens[start : start + settings.dynamic_segment + 1])
        g, (state, each) = gradient(params, state, window)
        nats += np.asarray(each).tolist()
        steps = {name: g[name] / (scales[name] + settings.dynamic_epsilon) for name in params}
        lengths.append(length_of(steps) / usual)
        shortened = min(1, settings.dynamic_clip / lengths[-1])
        for name in params:
            step = settings.dynamic_rate * shortened * steps[name]
            back = np.minimum(settings.dynamic_decay * scales[name], 0.5) * (trained[name] - params[name])
            params[name] = params[name] - step + back
    return np.array(nats), params, lengths


@pytest.mark.parametrize(
    "length", [2, slow(3), 6, slow(7), slow(64), 5 * SEGMENTS_PER_CALL + 1, slow(5 * SEGMENTS_PER_CALL + 2)]
)
def test_the_loss_of_each_character_is_the_slow_one(gradients: Any, length: int) -> None:
    tokens = text(length)
    score, learned = DynamicEvaluator(MODEL, SETTINGS).score(
        weights(MODEL), gradients, tokens, per_character=True
    )
    expected, params, lengths = learn_slowly(tokens, gradients, SETTINGS)
    assert length < 64 or 0.2 < np.mean(np.array(lengths) > SETTINGS.dynamic_clip) < 0.8
    np.testing.assert_allclose(score.per_character, expected, rtol=2e-4, atol=1e-5)
    assert score.nats == pytest.approx(expected.sum(), rel=1e-4)
    for name, value in params.items():
        np.testing.assert_allclose(learned[name], value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", slow("rnn"), slow("ln-lstm"), slow("nas")])
def test_kernels_learn_what_a_plain_loop_learns(cell: str) -> None:
    losses = []
    for unroll in ("fused", "scan"):
        model = build(cell=cell, unroll=unroll)
        params = weights(model)
        gradients = measure_gradients(model, params, text(300), 5)
        evaluator = DynamicEvaluator(model, SETTINGS)
        assert (model.engine == XLA) is (unroll == "scan")
        losses.append(evaluator.score(params, gradients, text(250), per_character=True)[0].per_character)
    np.testing.assert_allclose(*losses, rtol=2e-4, atol=1e-5)


def test_learning_lowers_the_loss_and_leaves_the_trained_weights_alone(gradients: Any) -> None:
    tokens, before = text(2000), {name: np.array(value) for name, value in weights(MODEL).items()}
    learning = DynamicEvaluator(MODEL, SETTINGS).score(weights(MODEL), gradients, tokens)[0]
    still = DynamicEvaluator(MODEL, DynamicConfig(dynamic_rate=0.0, dynamic_decay=0.0)).score(
        weights(MODEL), gradients, tokens
    )[0]
    static = Evaluator(MODEL).score(weights(MODEL), tokens)
    assert learning.loss < static.loss - 0.1
    assert still.loss == pytest.approx(static.loss, rel=1e-3)
    for name, value in weights(MODEL).items():
        np.testing.assert_array_equal(value, before[name])


def cycle(length: int, rare: float) -> np.ndarray:
    """Return six symbols in turn, some replaced by another of them, and a share `rare` by one of the rest."""
    random = np.random.default_rng(length)
    found, draws = np.arange(length) % 6, random.random(length)
    found = np.where(draws < 0.1, random.integers(0, 6, length), found)
    return np.where(draws > 1 - rare, random.integers(6, VOCAB, length), found)


def test_symbols_that_the_training_text_lacks_do_not_make_it_diverge() -> None:
    """Without a bound, their steps are so long that the weights of this network grow without end."""
    training, tokens, params = cycle(2000, 0.0), cycle(4000, 0.05), weights(MODEL)
    rows, optimizer = jnp.asarray(training.reshape(20, 100).T), optax.adam(0.02)

    @jax.jit
    def update(carried: Any, _: None) -> tuple[Any, None]:
        params, moments = carried
        moves, moments = optimizer.update(loss_and_gradients(MODEL, params, rows)[1], moments)
        return (optax.apply_updates(params, moves), moments), None

    (params, _), _ = jax.lax.scan(update, (params, optimizer.init(params)), length=150)
    gradients = measure_gradients(MODEL, params, training, 5)
    static = Evaluator(MODEL).score(params, tokens).loss
    bounded, unbounded = (
        DynamicEvaluator(MODEL, settings).score(params, gradients, tokens)
        for settings in (DynamicConfig(dynamic_segment=5), DynamicConfig(dynamic_segment=5, dynamic_clip=1e6))
    )
    assert bounded[0].loss < static - 0.02
    assert unbounded[0].loss > static + 0.1
    assert np.abs(flat(bounded[1])).max() < 5 < 10 < np.abs(flat(unbounded[1])).max()


@pytest.mark.parametrize("epsilon", [0.01, 1e-45])
def test_where_nothing_can_be_learned_the_loss_is_the_trained_weights(epsilon: float) -> None:
    """Gradients are 0 on a training text of one symbol; then a step may be infinite."""
    nothing = {name: jnp.zeros_like(value) for name, value in weights(MODEL).items()}
    settings = replace(SETTINGS, dynamic_epsilon=epsilon)
    score, learned = DynamicEvaluator(MODEL, settings).score(weights(MODEL), nothing, text(50))
    assert score.loss == pytest.approx(Evaluator(MODEL).score(weights(MODEL), text(50)).loss, rel=1e-3)
    for name, value in weights(MODEL).items():
        np.testing.assert_array_equal(learned[name], value)


def test_a_prediction_does_not_depend_on_what_comes_later(gradients: Any) -> None:
    one, other = text(200), text(200)
    other[103:] = (other[103:] + 1) % VOCAB
    evaluator = DynamicEvaluator(MODEL, SETTINGS)
    first, second = (
        evaluator.score(weights(MODEL), gradients, tokens, per_character=True)[0] for tokens in (one, other)
    )
    np.testing.assert_array_equal(first.per_character[:102], second.per_character[:102])
    assert first.per_character[102] != second.per_character[102]


@pytest.mark.parametrize("rows", [2, slow(3)])
def test_each_row_predicts_its_first_segment_with_the_trained_weights(gradients: Any, rows: int) -> None:
    tokens = text(1201)
    settings = replace(SETTINGS, dynamic_rows=rows)
    score = DynamicEvaluator(MODEL, settings).score(weights(MODEL), gradients, tokens, per_character=True)[0]
    assert score.characters == 1200
    static = Evaluator(MODEL).score(weights(MODEL), tokens, per_character=True)
    for start in range(0, 1200, 1200 // rows):
        span = slice(start, start + settings.dynamic_segment)
        np.testing.assert_allclose(
            score.per_character[span], static.per_character[span], rtol=1e-3, atol=1e-4
        )
        after = slice(start + settings.dynamic_segment, start + 2 * settings.dynamic_segment)
        assert not np.allclose(score.per_character[after], static.per_character[after], rtol=1e-3, atol=1e-4)


def test_what_is_measured_are_root_mean_squares(gradients: Any) -> None:
    """Against single gradients, one window after another."""
    tokens, segment, before = text(300), SETTINGS.dynamic_segment, 64
    starts = np.unique(np.linspace(0, 299 - before - segment, 400).astype(int))
    assert len(starts) == 300 - before - segment
    squares = {name: np.zeros(value.shape) for name, value in weights(MODEL).items()}

    @jax.jit
    def gradient(window: Any) -> Any:
        def loss(params: Any) -> Any:
            _, state = MODEL.apply(weights(MODEL), window[:before, None], MODEL.initial_state(1))
            logits, _ = MODEL.apply(params, window[before:-1, None], state)
            return cross_entropy(logits, window[before + 1 :, None]).mean()

        return jax.grad(loss)(weights(MODEL))

    for start in starts:
        for name, value in gradient(jnp.asarray(tokens[start : start + before + segment + 1])).items():
            squares[name] += np.asarray(value, np.float64) ** 2 / len(starts)
    roots = {name: np.sqrt(value) for name, value in squares.items()}
    for name, root in roots.items():
        np.testing.assert_allclose(gradients[name], root, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"dynamic_rate": -0.1}, "dynamic_rate"),
        ({"dynamic_rate": float("nan")}, "dynamic_rate"),
        ({"dynamic_decay": float("inf")}, "dynamic_decay"),
        ({"dynamic_epsilon": 0.0}, "dynamic_epsilon"),
        ({"dynamic_clip": 0.0}, "dynamic_clip"),
        ({"dynamic_segment": 0}, "dynamic_segment"),
        ({"dynamic_rows": 0}, "dynamic_rows"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(CharloopError, match=wrong):
        DynamicConfig(**settings)


def test_too_short_texts_are_refused(gradients: Any) -> None:
    with pytest.raises(CharloopError, match="a text to score"):
        DynamicEvaluator(MODEL, SETTINGS).score(weights(MODEL), gradients, text(1))
    with pytest.raises(CharloopError, match="more than a segment"):
        measure_gradients(MODEL, weights(MODEL), text(5), 5)
    assert measure_gradients(MODEL, weights(MODEL), text(6), 5)
    with pytest.raises(CharloopError, match="--dynamic-rows: got 3; allowed: up to 2"):
        DynamicEvaluator(MODEL, replace(SETTINGS, dynamic_rows=3)).score(weights(MODEL), gradients, text(15))
