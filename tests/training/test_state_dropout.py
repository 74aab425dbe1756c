"""State dropout: which lanes begin with an empty memory, the same on any devices, in any call, after any stop."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.checkpoint import RunFolder
from charloop.checkpoint.text import read_own_corpus
from charloop.configfile import from_dict, read_config
from charloop.dropout import emptied_lanes, empty_some
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.run import place, resume
from charloop.training.session import Session
from charloop.training.state import initial_training_state
from charloop.training.step import compile_steps
from training.runs import CHUNKS, SYMBOLS, TEXT, TRAIN, assert_identical, configure, run
from training.twin import emptied, learn

OFTEN = 0.4
KEY = jax.random.key(3)


@pytest.mark.parametrize("rate", [0.05, OFTEN])
def test_a_lane_is_emptied_in_all_layers_or_not_at_all(rate: float) -> None:
    """Against a twin that goes lane by lane; leaves of any rank."""
    memory = {"h": jnp.arange(1.0, 241).reshape(60, 4), "c": (jnp.ones((60, 2)),)}
    empty = jax.tree.map(jnp.zeros_like, memory)
    found = empty_some(KEY, rate, memory, empty, jnp.arange(60))
    assert_identical(
        dict(enumerate(jax.tree.leaves(found))), dict(enumerate(jax.tree.leaves(emptied(memory, KEY, rate))))
    )
    assert 0 < int((found["h"][:, 0] == 0).sum()) < 60


def test_a_cells_own_beginning_takes_the_place() -> None:
    """An initial state need not be zero."""
    found = empty_some(KEY, OFTEN, jnp.zeros((40, 2, 3)), jnp.full((40, 2, 3), 7.0), jnp.arange(40))
    picked = emptied_lanes(KEY, OFTEN, jnp.arange(40))
    np.testing.assert_array_equal(found[:, 1, 2], np.where(picked, 7, 0))


def test_chances_belong_to_lanes_and_steps() -> None:
    whole = emptied_lanes(KEY, OFTEN, jnp.arange(64))
    half = emptied_lanes(KEY, OFTEN, jnp.arange(32, 64))
    assert whole is not None
    assert half is not None
    np.testing.assert_array_equal(whole[32:], half)
    keys = jax.vmap(lambda n: jax.random.fold_in(KEY, n))(jnp.arange(2000))
    share = jax.vmap(lambda key: emptied_lanes(key, 0.05, jnp.arange(4)))(keys).mean(0)
    np.testing.assert_allclose(share, 0.05, atol=0.02)


def test_off_costs_nothing() -> None:
    assert emptied_lanes(KEY, 0.0, jnp.arange(4)) is None
    memory = jnp.ones((4, 2))
    assert empty_some(KEY, 0.0, memory, memory, jnp.arange(4)) is memory


def test_training_is_the_twins(tmp_path: Path, text: Path) -> None:
    """The twin empties the memory lane by lane; with another rate it is another run."""
    steps = CHUNKS + 5
    made = run(tmp_path / "run", configure(text, steps=steps, state_dropout=OFTEN))
    plain = configure(text, unroll="scan", state_dropout=OFTEN)
    rates = [plain.training.learning_rate * min(1, (n + 1) / 4) for n in range(steps)]
    model = CharLM.build(plain.model, len(SYMBOLS))
    _, rows = learn(model, plain, TEXT[:TRAIN], rates)
    np.testing.assert_allclose(made.losses, [loss for loss, _ in rows], rtol=1e-3, atol=3e-4)
    other = run(tmp_path / "other", configure(text, steps=steps, state_dropout=0.0))
    assert other.losses[0] == made.losses[0]
    assert not np.allclose(other.losses, made.losses, rtol=1e-3)


def test_two_devices_empty_the_lanes_that_one_does(tmp_path: Path, text: Path) -> None:
    one, two = (
        run(tmp_path / str(n), configure(text, steps=20, state_dropout=OFTEN, devices=n)) for n in (1, 2)
    )
    np.testing.assert_allclose(two.losses, one.losses, rtol=1e-3, atol=3e-4)


def test_stopped_and_resumed_no_bit_is_another(tmp_path: Path, text: Path) -> None:
    whole = run(tmp_path / "whole", configure(text, steps=20, save_every=7, state_dropout=OFTEN))
    part = run(tmp_path / "part", configure(text, steps=7, save_every=7, state_dropout=OFTEN))
    resume(part.folder, configure(text, steps=20, save_every=7, state_dropout=OFTEN))
    assert_identical(part.state, whole.state)


def test_an_undone_update_leaves_the_memory_as_it_found_it(tmp_path: Path, text: Path) -> None:
    """Nothing of it is emptied by chance: here every update is undone, since no loss is finite."""
    made = run(tmp_path / "run", configure(text, steps=3, state_dropout=OFTEN))
    folder = RunFolder.open(made.folder)
    session = Session.of(folder, read_own_corpus(folder))
    state = initial_training_state(session.model, session.optimizer, 2, 0)
    carry = jax.tree.map(lambda leaf: leaf + 0.5, state.carry)
    spoiled = {**state.params, "readout.bias": state.params["readout.bias"] * jnp.nan}
    state = place(session, replace(state, carry=carry, params=spoiled))
    steps = compile_steps(session.model, session.optimizer, session.mesh, folder.config.training)
    chunk, rates, resets, _ = session.inputs([1], [0.1])
    after, metrics = steps(state, chunk, rates, resets, np.int32(1))
    assert metrics[0, 3] != 0, "it was undone"
    assert all(bool((leaf == 0.5).all()) for leaf in jax.tree.leaves(after.carry))


@pytest.mark.parametrize("rate", [1.0, -0.1, "often"])
def test_rates_out_of_range_are_refused(rate: object) -> None:
    with pytest.raises(CharloopError, match="state-dropout"):
        from_dict({"training": {"state_dropout": rate}})


def test_a_run_from_before_goes_on_as_it_was_trained(tmp_path: Path, text: Path) -> None:
    """Its config.json says nothing of state dropout, nor of a prefix."""
    whole = run(tmp_path / "whole", configure(text, steps=20, state_dropout=0.0))
    old = run(tmp_path / "old", configure(text, steps=8, state_dropout=0.0))
    place = old.folder / "config.json"
    values = json.loads(place.read_text())
    del values["training"]["state_dropout"], values["text"]["prefix"]
    values["training"]["steps"] = 20
    place.write_text(json.dumps(values))
    assert RunFolder.open(old.folder).config.training.state_dropout == 0
    assert read_config(place).training.state_dropout == 0
    resume(old.folder)
    assert_identical(old.state, whole.state)
    assert RunFolder.open(old.folder).text["prefix"] == RunFolder.open(whole.folder).text["prefix"]


def test_a_configuration_of_ones_own_gets_the_default() -> None:
    assert from_dict({"training": {"steps": 3}}).training.state_dropout == 0.05
