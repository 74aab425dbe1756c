"""State dropout: where the memory of a batch row is emptied, the same on any devices, in any call, after any stop."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import read_own_corpus
from charloop.configfile import from_dict, read_config
from charloop.dropout import draw_resets, find_prefix_starts
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.training.run import resume
from charloop.training.session import TrainingSession
from charloop.training.state import initial_training_state
from charloop.training.step import compile_steps
from choosing import slow
from training.runs import CHUNKS, SYMBOLS, TEXT, TRAIN, Run, assert_identical, configure, run
from training.twin import learn, reset_positions

OFTEN = 0.4
KEY = jax.random.key(3)
LINES = TEXT.replace("aa", "ab").replace("a", "\n")
"""The same with lines: a line end sorts before the other symbols, as "a" does."""


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text(LINES)
    return path


@pytest.mark.parametrize("rate", [slow(0.05), OFTEN])
@pytest.mark.parametrize("prefix", [(), (0,), (0, 0), (1, 0, 1), (0,) * 9])
def test_states_are_reset_where_the_reference_resets_them(rate: float, prefix: tuple[int, ...]) -> None:
    """Against a loop over batch rows and positions; a prefix may be longer than a chunk."""
    chunk = np.random.default_rng(1).integers(3, size=(8, 60), dtype=np.int32)
    found = draw_resets(KEY, rate, jnp.array(chunk), prefix, jnp.arange(60))
    np.testing.assert_array_equal(found, reset_positions(KEY, rate, chunk, prefix))
    assert 0 < int(found.any(0).sum()) < 60
    assert bool((found.sum(0) <= 1).all()), "once in a chunk"


def test_a_paragraph_across_the_chunks_end_is_none_yet() -> None:
    """The last target counts: the network reads it next."""
    chunk = jnp.array([[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1]])
    expected = [[False, False, True], [True, False, False], [False, True, False]]
    np.testing.assert_array_equal(find_prefix_starts(chunk, (0, 0)), expected)
    assert not find_prefix_starts(chunk[:3], (0, 0))[:, 1].any()


def test_a_batch_rows_resets_do_not_depend_on_the_other_rows() -> None:
    chunk = jnp.zeros((4, 64), jnp.int32)
    whole = draw_resets(KEY, OFTEN, chunk, (0,), jnp.arange(64))
    half = draw_resets(KEY, OFTEN, chunk[:, 32:], (0,), jnp.arange(32, 64))
    np.testing.assert_array_equal(whole[:, 32:], half)
    keys = jax.vmap(lambda n: jax.random.fold_in(KEY, n))(jnp.arange(2000))
    rows = jnp.arange(4)
    share = jax.vmap(lambda key: draw_resets(key, 0.06, chunk[:, :4], (0,), rows))(keys).mean(0)
    np.testing.assert_allclose(share, 0.02, atol=0.012, err_msg="three positions alike")


def test_a_rate_of_zero_computes_no_resets() -> None:
    assert draw_resets(KEY, 0.0, jnp.zeros((4, 2), jnp.int32), (0,), jnp.arange(2)) is None


@pytest.mark.parametrize("unroll", ["fused", slow("scan")])
def test_an_emptied_batch_row_reads_as_if_its_text_began_there(unroll: str) -> None:
    config = configure(Path("text"), unroll=unroll).model
    model = CharLM.build(config, 5)
    params = model.init(KEY)
    text = jnp.array(np.random.default_rng(2).integers(5, size=(9, 2)))
    resets = jnp.zeros((9, 2), bool).at[4, 1].set(True)
    logits, _ = model.apply(params, text, model.initial_state(2), resets=resets)
    whole, _ = model.apply(params, text, model.initial_state(2))
    began, _ = model.apply(params, text[4:], model.initial_state(2))
    np.testing.assert_allclose(logits[:, 0], whole[:, 0], atol=1e-5)
    np.testing.assert_allclose(logits[:4, 1], whole[:4, 1], atol=1e-5)
    np.testing.assert_allclose(logits[4:, 1], began[:, 1], atol=1e-5)


@pytest.mark.parametrize(("content", "prefix"), [slow((TEXT, ())), (LINES, (0,))])
def test_losses_are_those_of_the_reference(tmp_path: Path, content: str, prefix: tuple[int, ...]) -> None:
    """The reference resets the state of each batch row where lines begin."""
    (tmp_path / "text.txt").write_text(content)
    text, steps = tmp_path / "text.txt", CHUNKS + 5
    made = run(tmp_path / "run", configure(text, steps=steps, state_dropout=OFTEN))
    plain = configure(text, unroll="scan", state_dropout=OFTEN)
    rates = [plain.training.learning_rate * min(1, (n + 1) / 4) for n in range(steps)]
    model = CharLM.build(plain.model, len(SYMBOLS))
    _, rows = learn(model, plain, content[:TRAIN], rates, prefix)
    np.testing.assert_allclose(made.losses, [loss for loss, _ in rows], rtol=1e-3, atol=3e-4)


def test_another_rate_gives_other_losses(tmp_path: Path, text: Path, whole: Run) -> None:
    made = run(tmp_path / "run", configure(text, steps=CHUNKS + 5, state_dropout=OFTEN))
    assert not np.allclose(made.losses, whole.losses[: CHUNKS + 5], rtol=1e-3)


@pytest.mark.slow
def test_two_devices_reset_the_same_states_as_one(tmp_path: Path, lines: Path) -> None:
    one, two = (
        run(tmp_path / str(n), configure(lines, steps=20, state_dropout=OFTEN, devices=n)) for n in (1, 2)
    )
    np.testing.assert_allclose(two.losses, one.losses, rtol=1e-3, atol=3e-4)


def test_a_run_stopped_and_resumed_has_the_same_bits(tmp_path: Path, lines: Path) -> None:
    whole = run(tmp_path / "whole", configure(lines, steps=20, save_every=7, state_dropout=OFTEN))
    part = run(tmp_path / "part", configure(lines, steps=7, save_every=7, state_dropout=OFTEN))
    resume(part.folder, configure(lines, steps=20, save_every=7, state_dropout=OFTEN))
    assert_identical(part.state, whole.state)


def test_a_skipped_update_leaves_the_memory_as_it_found_it(tmp_path: Path, text: Path) -> None:
    """State dropout does not reset it: here every update is skipped, since no loss is finite."""
    made = run(tmp_path / "run", configure(text, steps=3, state_dropout=OFTEN))
    folder = RunFolder.open(made.folder)
    session = TrainingSession.open(folder, read_own_corpus(folder))
    state = initial_training_state(session.model, session.optimizer, 2, 0)
    carry = jax.tree.map(lambda leaf: leaf + 0.5, state.carry)
    spoiled = {**state.params, "readout.bias": state.params["readout.bias"] * jnp.nan}
    state = session.put_on_devices(replace(state, carry=carry, params=spoiled))
    steps = compile_steps(session.model, session.optimizer, session.mesh, folder.config.training)
    chunk, rates, resets, _ = session.call_inputs([1], [0.1])
    after, metrics = steps(state, chunk, rates, resets, np.int32(1))
    assert metrics[0, 3] != 0, "it was skipped"
    assert all(bool((leaf == 0.5).all()) for leaf in jax.tree.leaves(after.carry))


@pytest.mark.parametrize("rate", [1.0, -0.1, "often"])
def test_rates_out_of_range_are_refused(rate: object) -> None:
    with pytest.raises(CharloopError, match="state-dropout"):
        from_dict({"training": {"state_dropout": rate}})


def test_an_old_run_resumes_as_it_was_trained(tmp_path: Path, text: Path) -> None:
    """Its config.json has neither state dropout nor a prefix."""
    whole = run(tmp_path / "whole", configure(text, steps=20, state_dropout=0.0))
    old = run(tmp_path / "old", configure(text, steps=8, state_dropout=0.0))
    path = old.folder / "config.json"
    values = json.loads(path.read_text())
    del values["training"]["state_dropout"], values["text"]["prefix"]
    values["training"]["steps"] = 20
    path.write_text(json.dumps(values))
    assert RunFolder.open(old.folder).config.training.state_dropout == 0
    assert read_config(path).training.state_dropout == 0
    resume(old.folder)
    assert_identical(old.state, whole.state)
    assert RunFolder.open(old.folder).text["prefix"] == RunFolder.open(whole.folder).text["prefix"]


def test_a_configuration_of_ones_own_gets_the_default() -> None:
    assert from_dict({"training": {"steps": 3}}).training.state_dropout == 0.02
