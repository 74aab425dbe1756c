"""One update and many against a simple reference; and settings that must not change any bit."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.devices import make_mesh
from charloop.model import CharLM
from charloop.training.events import Stepped
from charloop.training.step import MAX_JOINED_SIZE, average_over_devices
from choosing import slow
from training.runs import CHUNKS, SYMBOLS, TEXT, TRAIN, Run, assert_identical, configure, run
from training.twin import learn, ptb

RULES = {
    "adamw": {"weight_decay": 0.3, "clip_norm": 0.3, "beta2": 0.95, "embedding_dropout": 0.3},
    "adam": {"clip_norm": 0.0},
    "rmsprop": {"clip_norm": 0.5, "learning_rate": 0.01},
    "sgd": {"beta1": 0.8, "learning_rate": 0.1, "random_offset": True},
}
STEPS = CHUNKS + 5
"""With a random offset an epoch has a chunk less, so that this is in the second epoch too."""


def close(got, expected) -> None:
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=3e-4)


@pytest.mark.parametrize(
    "optimizer",
    [pytest.param(name, marks=pytest.mark.slow if name in ("adam", "rmsprop") else ()) for name in RULES],
)
def test_training_is_the_twins(tmp_path: Path, text: Path, optimizer: str) -> None:
    """Beyond the end of an epoch: chunks, targets, carried state, reset, dropout keys, clipping, rule and warm-up."""
    config = configure(text, optimizer=optimizer, steps=STEPS, **RULES[optimizer])
    made = run(tmp_path / "run", config)
    peak = config.training.learning_rate
    rates = [peak * min(1, (n + 1) / 4) for n in range(STEPS)]
    plain = configure(text, optimizer=optimizer, unroll="scan", **RULES[optimizer])
    model = CharLM.build(plain.model, len(SYMBOLS))
    params, rows = learn(model, plain, TEXT[:TRAIN], rates)
    close(made.losses, [loss for loss, _ in rows])
    close([step.gradient_norm for step in made.steps], [length for _, length in rows])
    for name, value in params.items():
        close(made.last[name], value)


def test_the_twin_reads_the_text_that_the_run_says_it_trains_on(whole: Run, text: Path) -> None:
    sizes = whole.started.split
    assert sizes == (TRAIN, len(TEXT) - TRAIN, 0)
    assert whole.started.chunks_per_epoch == CHUNKS == len(ptb(TEXT[:TRAIN], configure(text)))


def test_clipping_was_on_and_off_in_these_tests(whole: Run) -> None:
    norms = [step.gradient_norm for step in whole.steps]
    assert max(norms) > 0.5
    assert min(norms) < 1


@pytest.mark.parametrize("calls", [1, slow(8)])
def test_how_many_steps_a_call_makes_changes_no_bit(
    tmp_path: Path, text: Path, whole: Run, calls: int
) -> None:
    other = run(tmp_path / "run", configure(text, steps=40, eval_every=10, steps_per_call=calls))
    assert {len(event.steps) for event in other.heard(Stepped)} != {3, 1}
    assert other.lines == whole.lines
    assert_identical(other.state, whole.state)
    assert_identical(other.best, whole.best)


def test_two_devices_learn_what_one_does(tmp_path: Path, text: Path, whole: Run) -> None:
    """With dropout: masks belong to batch rows, on whichever device they are."""
    both = run(tmp_path / "run", configure(text, steps=40, eval_every=10, devices=2))
    assert (whole.started.devices, both.started.devices) == (1, 2)
    close(both.losses, whole.losses)
    for name, value in whole.last.items():
        close(both.last[name], value)


def test_another_seed_is_another_run(tmp_path: Path, text: Path, whole: Run) -> None:
    other = run(tmp_path / "run", configure(text, steps=3, seed=1))
    assert other.losses != whole.losses[:3]


def test_devices_exchange_large_gradients_and_small_ones() -> None:
    """Each device contributes its own number; a large array is exchanged alone, the others in one exchange."""
    sizes = {"a": 3, "large": MAX_JOINED_SIZE + 1, "z": 5}

    def means(device: jax.Array) -> dict[str, jax.Array]:
        exchanged, restore = average_over_devices(
            {name: jnp.full(size, device[0]) for name, size in sizes.items()}
        )
        return restore(exchanged)

    spec = jax.sharding.PartitionSpec
    shared = jax.shard_map(
        means, mesh=make_mesh(2), in_specs=spec("batch"), out_specs=spec(), check_vma=False
    )
    found = jax.jit(shared)(jnp.float32([1, 4]))
    for name, size in sizes.items():
        np.testing.assert_array_equal(found[name], np.full(size, 2.5))
