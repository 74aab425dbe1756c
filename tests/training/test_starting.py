"""What is done ahead so that the first step comes soon, and changes nothing."""

from pathlib import Path

import jax
import numpy as np
import pytest

from charloop.model import CharLM
from charloop.training import state, step
from charloop.training.optimizer import make_optimizer
from charloop.training.session import Session
from charloop.training.state import initial_training_state
from training.runs import SYMBOLS, configure, run


@pytest.mark.usefixtures("fresh_programs")
def test_the_step_is_traced_before_the_first_weights_and_not_again(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced: list[str] = []
    one, trace, initial = step.train_step, Session.trace, state.initial_in_a_hurry
    monkeypatch.setattr(step, "train_step", lambda *given: traced.append("step") or one(*given))
    monkeypatch.setattr(Session, "trace", lambda session: trace(session) or traced.append("traced"))
    monkeypatch.setattr(
        state, "initial_in_a_hurry", lambda *given: traced.append("weights") or initial(*given)
    )
    made = run(tmp_path / "run", configure(text, seq_length=4))
    assert made.steps
    ahead = traced.index("traced")
    assert "step" in traced[:ahead]
    assert set(traced[ahead + 1 :]) == {"weights"}


def test_a_jaxlib_that_does_not_know_our_options_makes_the_same_weights(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configure(text)
    model, optimizer = CharLM.build(config.model, len(SYMBOLS)), make_optimizer(config.training)
    hurried = initial_training_state(model, optimizer, 2, seed=5)
    options = {"xla_no_such_option": True}
    unknown = jax.jit(state.trace_initial_state, static_argnums=(0, 1, 2), compiler_options=options)
    monkeypatch.setattr(state, "initial_in_a_hurry", unknown)
    plain = initial_training_state(model, optimizer, 2, seed=5)
    jax.tree.map(np.testing.assert_array_equal, hurried.params, plain.params)
