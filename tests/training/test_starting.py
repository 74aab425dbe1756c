"""The start of a run: what is done only once, and what is done early so that the first step starts soon."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest

from charloop import configfile
from charloop.data import split_tokens
from charloop.model import CharLM
from charloop.training import state, step
from charloop.training.optimizer import make_optimizer
from charloop.training.session import TrainingSession
from charloop.training.state import initial_training_state
from training.runs import SYMBOLS, configure, resume_recorded, run


def test_a_run_is_validated_split_and_built_once(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count the calls in all modules that import the functions."""
    calls: Counter[str] = Counter()
    build = CharLM.build

    def counted(function):
        def count(*given, **named):
            calls[function.__name__] += 1
            return function(*given, **named)

        return count

    for function in (split_tokens, configfile.check):
        for module in [m for name, m in sys.modules.items() if name.startswith("charloop.")]:
            if getattr(module, function.__name__, None) is function:
                monkeypatch.setattr(module, function.__name__, counted(function))
    monkeypatch.setattr(CharLM, "build", staticmethod(counted(build)))
    made = run(tmp_path / "run", configure(text, steps=3))
    assert made.finished.step == 3
    assert calls == {"check": 1, "split_tokens": 1, "build": 1}
    calls.clear()
    assert resume_recorded(made.folder).started.resumed_at == 3
    assert calls == {"check": 1, "split_tokens": 1, "build": 1}


def test_the_step_is_traced_before_the_first_weights_and_not_again(
    tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch, separate_programs: Callable[[str], None]
) -> None:
    separate_programs("tracing is recorded")
    traced: list[str] = []
    one, trace, initial = step.train_step, TrainingSession.trace_steps, state.initial_state_quickly
    monkeypatch.setattr(step, "train_step", lambda *given: traced.append("step") or one(*given))
    monkeypatch.setattr(
        TrainingSession, "trace_steps", lambda session: trace(session) or traced.append("traced")
    )
    monkeypatch.setattr(
        state, "initial_state_quickly", lambda *given: traced.append("weights") or initial(*given)
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
    monkeypatch.setattr(state, "initial_state_quickly", unknown)
    plain = initial_training_state(model, optimizer, 2, seed=5)
    jax.tree.map(np.testing.assert_array_equal, hurried.params, plain.params)
