"""Which updates are skipped, in the compiled step and its parts; nothing remains of a skipped update."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.checkpoint import pack_tree
from charloop.config import ModelConfig, TrainingConfig
from charloop.devices import make_mesh
from charloop.loss import cross_entropy
from charloop.model import CharLM
from charloop.training.optimizer import make_optimizer
from charloop.training.state import TrainingState, initial_training_state
from charloop.training.step import compile_steps
from charloop.training.update_guard import (
    FINE,
    HOPELESS,
    LOWEST_RATE_FACTOR,
    NOT_FINITE,
    SPIKE,
    STATISTICS_WINDOW,
    Health,
    choose_carry,
    initial_health,
    judge_update,
    update_health,
)
from choosing import slow
from training.runs import assert_identical

CONFIG = TrainingConfig()
VOCAB, BATCH, POISON = 11, 4, 10
"""A character whose loss is not finite."""
CALLS = 3
"""Chunks of each call, of which a test may use fewer: another number is another program."""


def judged(health: Health, config: TrainingConfig = CONFIG, **seen: Any) -> int:
    values = {"loss": 1.0, "norm": 1.0, "sound": True} | seen
    arrays = {name: jnp.array(value) for name, value in values.items()}
    return int(judge_update(config, health, uniform=math.log(65), **arrays))


def after(norms: list[float], loss: float = 1.5, config: TrainingConfig = CONFIG) -> tuple[Health, list[int]]:
    """The health after updates with these norms, and the verdict on each."""

    def one(health: Health, norm: Any) -> tuple[Health, Any]:
        loss_now = jnp.float32(loss)
        verdict = judge_update(
            config, health, uniform=math.log(65), loss=loss_now, norm=norm, sound=jnp.array(True)
        )
        return update_health(config, health, verdict, loss=loss_now, norm=norm), verdict

    health, verdicts = jax.lax.scan(one, initial_health(), jnp.float32(norms))
    return health, verdicts.tolist()


def ordinary(count: int, spread: float = 0.1, seed: int = 0) -> list[float]:
    return list(0.5 * np.exp(np.random.default_rng(seed).normal(0, spread, count)))


@pytest.mark.parametrize(
    "seen", [{"loss": math.nan}, {"loss": math.inf}, {"norm": math.inf}, {"norm": math.nan}, {"sound": False}]
)
def test_an_update_that_is_not_finite_is_skipped_from_the_first_on(seen: dict) -> None:
    assert judged(initial_health(), **seen) == NOT_FINITE
    assert judged(after(ordinary(200))[0], **seen) == NOT_FINITE
    assert judged(initial_health(), replace(CONFIG, max_skipped=0), **seen) == FINE


def test_a_loss_far_above_a_blind_guess_is_hopeless_once_there_was_a_better_one() -> None:
    health = after(ordinary(1))[0]
    assert judged(health, loss=math.log(65) + 19) == FINE
    assert judged(health, loss=math.log(65) + 21) == HOPELESS
    assert judged(initial_health(), loss=1e3) == FINE
    assert judged(after(ordinary(1), loss=100.0)[0], loss=900.0) == FINE


def test_a_spike_is_far_from_the_usual_in_deviations_in_size_and_beyond_the_clip() -> None:
    health = after(ordinary(STATISTICS_WINDOW))[0]
    assert [judged(health, norm=n) for n in (0.5, 5.0, 29.0, 31.0, 1e30)] == [FINE, FINE, FINE, SPIKE, SPIKE]
    wild = after(ordinary(STATISTICS_WINDOW, spread=1.0))[0]
    assert [judged(wild, norm=n) for n in (31.0, 1e4)] == [FINE, SPIKE]
    assert judged(health, replace(CONFIG, clip_norm=100.0), norm=2900.0) == FINE
    assert judged(health, replace(CONFIG, spike_threshold=0.0), norm=1e30) == FINE
    assert judged(after(ordinary(STATISTICS_WINDOW - 1))[0], norm=1e30) == FINE


@pytest.mark.parametrize("size", [1e2, 1e3, 1e6, 1e20])
def test_a_change_for_good_costs_four_updates_at_most(size: float) -> None:
    _, verdicts = after(ordinary(300) + [size * norm for norm in ordinary(300, seed=1)])
    assert verdicts[:300] == [FINE] * 300
    assert 1 <= verdicts.count(SPIKE) <= 4
    assert SPIKE not in verdicts[304:]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(2**-10, 16, width=32), min_size=1, max_size=STATISTICS_WINDOW))
def test_the_statistics_are_plain_mean_and_variance_at_first(norms: list[float]) -> None:
    health = after(norms)[0]
    logs = np.log(np.float32(norms).astype(np.float64))
    np.testing.assert_allclose(float(health.norm), logs.mean(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(float(health.variance), logs.var(), rtol=1e-3, atol=1e-4)
    assert (int(health.seen), int(health.skipped)) == (len(norms), 0)


def test_a_gradient_of_zero_keeps_the_statistics_finite() -> None:
    health, verdicts = after([0.0] * 300)
    assert verdicts == [FINE] * 300
    assert all(np.isfinite(value).all() for value in pack_tree(health).values())


def test_the_rate_is_halved_and_doubles_again_and_ends_at_exactly_one() -> None:
    config = replace(CONFIG, recovery_steps=5)
    health, rates = initial_health(), []
    for verdict in [NOT_FINITE, NOT_FINITE] + [FINE] * 12:
        health = update_health(
            config, health, jnp.int32(verdict), loss=jnp.float32(math.nan), norm=jnp.float32(math.nan)
        )
        rates.append(float(health.rate))
    assert rates[:2] == [0.5, 0.25]
    assert rates[6] == pytest.approx(0.5)
    assert rates[-2:] == [1.0] * 2
    for _ in range(30):
        health = update_health(config, health, jnp.int32(SPIKE), loss=jnp.float32(1), norm=jnp.float32(1))
    assert (float(health.rate), int(health.in_a_row), int(health.skipped)) == (LOWEST_RATE_FACTOR, 30, 32)


def test_the_carry_continues_from_the_last_good_one_and_is_reset_the_second_time() -> None:
    before = {"hidden": jnp.float32([[1, 2], [3, jnp.nan]])}
    new, empty = {"hidden": jnp.full((2, 2), 9.0)}, {"hidden": jnp.zeros((2, 2))}
    healthy, ill = initial_health(), replace(initial_health(), in_a_row=jnp.int32(1))

    def kept(fine: bool, health: Health) -> list:
        return choose_carry(jnp.array(fine), health, before, new, empty)["hidden"].tolist()

    assert kept(True, healthy) == kept(True, ill) == [[9, 9], [9, 9]]
    assert kept(False, healthy) == [[1, 2], [0, 0]]
    assert kept(False, ill) == [[0, 0], [0, 0]]


class Steps:
    """The compiled step of a small network on random texts."""

    def __init__(self, devices: int, **changes: Any) -> None:
        self.config = TrainingConfig(warmup_steps=0, **changes)
        model = CharLM.build(ModelConfig(num_layers=2, hidden_size=7, embed_size=5), VOCAB)
        optimizer = make_optimizer(self.config)
        self.program = compile_steps(model, optimizer, make_mesh(devices), self.config)
        self.state = initial_training_state(model, optimizer, BATCH, seed=0)

    def __call__(self, chunks: np.ndarray, state: TrainingState) -> tuple[TrainingState, np.ndarray]:
        count = len(chunks)
        chunks = np.concatenate([chunks, np.zeros_like(chunks, shape=(CALLS - count, *chunks.shape[1:]))])
        copy = jax.tree.map(jnp.copy, state)
        rest = (chunks, np.full(CALLS, 0.01, np.float32), np.zeros(CALLS, bool), np.int32(count))
        state, rows = self.program(copy, *rest)
        return state, np.asarray(rows)[:count]


def chunks(*poisoned: bool) -> np.ndarray:
    text = np.random.default_rng(3).integers(POISON, size=(len(poisoned), 4, BATCH), dtype=np.int32)
    # In the last batch row: of two devices only the second one sees it.
    text[np.flatnonzero(poisoned), 2, BATCH - 1] = POISON
    return text


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch, separate_programs: Callable[[str], None]) -> None:
    """The loss of one character is NaN."""
    separate_programs("a character's loss is nan")

    def spoil(logits: Any, targets: Any, **how: Any) -> Any:
        return cross_entropy(logits, targets, **how) * jnp.where(targets == POISON, jnp.nan, 1.0)

    monkeypatch.setattr("charloop.training.step.cross_entropy", spoil)


@pytest.mark.usefixtures("spoiled")
@pytest.mark.parametrize(
    ("devices", "optimizer"),
    [
        (2, "adamw"),
        slow((1, "adamw")),
        slow((1, "rmsprop")),
        slow((2, "sgd")),
    ],
)
def test_a_skipped_update_leaves_weights_moments_and_memory_as_they_were(
    devices: int, optimizer: str
) -> None:
    steps = Steps(devices, optimizer=optimizer)
    good, _ = steps(chunks(False, False, False), steps.state)
    bad, rows = steps(chunks(True), good)
    assert math.isnan(rows[0, 0])
    for part in ("params", "optimizer", "carry"):
        assert_identical(pack_tree(getattr(bad, part)), pack_tree(getattr(good, part)))
    assert (int(bad.step), int(bad.health.skipped), float(bad.health.rate)) == (4, 1, 0.5)
    better, _ = steps(chunks(False), bad)
    assert (
        pack_tree(better.params)["readout.bias"].tobytes() != pack_tree(bad.params)["readout.bias"].tobytes()
    )


@pytest.mark.usefixtures("spoiled")
@pytest.mark.parametrize("devices", [1, 2])
def test_a_skipped_update_in_the_middle_of_a_call_is_as_if_the_others_were_alone(devices: int) -> None:
    """The last step, at half the rate, equals that of the plain program at half the rate."""
    steps = Steps(devices)
    text = chunks(False, True, False)
    together, rows = steps(text, steps.state)
    state = steps.state
    for one in text:
        state, _ = steps(one[None], state)
    assert_identical(pack_tree(together), pack_tree(state))
    assert rows[:, 3].tolist() == [FINE, NOT_FINITE, FINE]
    assert rows[:, 2].tolist() == [1.0, 1.0, 0.5]


@pytest.mark.usefixtures("spoiled")
@pytest.mark.parametrize("devices", [1, 2])
def test_a_nan_carry_is_reset(devices: int) -> None:
    steps = Steps(devices)
    good, _ = steps(chunks(False, False), steps.state)
    ill = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), good.carry)
    bad, _ = steps(chunks(False), replace(good, carry=ill))
    assert int(bad.health.skipped) == 1
    assert_identical(pack_tree(bad.params), pack_tree(good.params))
    for now, before in zip(jax.tree.leaves(bad.carry), jax.tree.leaves(good.carry), strict=True):
        assert np.asarray(now[0]).tolist() == [0.0] * 7
        np.testing.assert_array_equal(now[1:], before[1:])
    well, rows = steps(chunks(False), bad)
    assert rows[0, 3] == FINE
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(well.carry))


def test_a_fault_that_one_device_sees_is_skipped_by_both(
    monkeypatch: pytest.MonkeyPatch, separate_programs: Callable[[str], None]
) -> None:
    """Memory that is not finite on the second device, with a finite loss and gradient: both devices must skip."""
    separate_programs("the second device is not sound")

    def first_alone_is_sound(memory: Any) -> Any:
        rows = len(jax.tree.leaves(memory)[0])
        return jnp.full(rows, jax.lax.axis_index("batch") == 0)

    monkeypatch.setattr("charloop.training.step.find_finite_rows", first_alone_is_sound)
    steps = Steps(2)
    skipped, rows = steps(chunks(False), steps.state)
    assert rows[0, 3] == NOT_FINITE
    assert np.isfinite(rows[0, :2]).all()
    assert_identical(pack_tree(skipped.params), pack_tree(steps.state.params))
    for leaf in jax.tree.leaves(skipped.params):
        first, second = (np.asarray(shard.data) for shard in leaf.addressable_shards)
        assert first.tobytes() == second.tobytes()


def test_a_spike_is_skipped_by_the_compiled_step() -> None:
    """The usual norm comes from the health: here, gradients are 1e9 times shorter."""
    steps = Steps(1, clip_norm=1e-6)
    usual = replace(
        initial_health(), norm=jnp.log(1e-9), variance=jnp.float32(0.01), seen=jnp.int32(STATISTICS_WINDOW)
    )
    spiked, rows = steps(chunks(False), replace(steps.state, health=usual))
    assert rows[0, 3] == SPIKE
    assert_identical(pack_tree(spiked.params), pack_tree(steps.state.params))


def test_without_the_update_guard_the_same_update_reaches_the_weights() -> None:
    steps = Steps(1, max_skipped=0)
    poisoned = steps.state.params | {"readout.bias": jnp.full(VOCAB, jnp.nan)}
    after, rows = steps(chunks(False), replace(steps.state, params=poisoned))
    assert rows[0, 3] == FINE
    assert np.isnan(after.params["embedding.weight"]).any()
