"""Muon against the equations of its papers, gate by gate in NumPy; and a run with it that is stopped."""

import os
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from charloop.config import TrainingConfig
from charloop.training.optimizer import make_optimizer
from training.runs import assert_identical, at_step, configure, resume_recorded, run

HIDDEN = 6
SHAPES = {
    "embedding.weight": (7, 5),
    "readout.weight": (7, HIDDEN),
    "rnn.bias_ih_l0": (4 * HIDDEN,),
    "rnn.weight_hh_l0": (4 * HIDDEN, HIDDEN),
    "rnn.weight_ih_l0": (4 * HIDDEN, 9),
    "rnn.weight_hh_l1": (HIDDEN, HIDDEN),
    "rnn.weight_ih_l1": (HIDDEN, 2),
    "rnn.weight_odd_l1": (HIDDEN + 1, HIDDEN),
    "rnn.weight_peephole_l0": (HIDDEN,),
}
BLOCKS = {"rnn.weight_hh_l0": 4, "rnn.weight_ih_l0": 4} | dict.fromkeys(
    ("rnn.weight_hh_l1", "rnn.weight_ih_l1", "rnn.weight_odd_l1"), 1
)
"""The matrices that Muon moves, and how many gates they have."""
BETA1, BETA2, DECAY = 0.8, 0.95, 0.25


def newton_schulz(block: np.ndarray) -> np.ndarray:
    """Jordan et al. 2024: five times X <- a X + b (X X') X + c (X X')(X X') X, from X of length 1."""
    x = block / max(np.sqrt((block**2).sum()), 1e-8)
    for _ in range(5):
        product = x @ x.T
        x = 3.4445 * x - 4.7750 * product @ x + 2.0315 * product @ product @ x
    return x


def direction(name: str, gradients: list[np.ndarray]) -> np.ndarray:
    """The update after these gradients: momentum with Nesterov's step and Liu's size, or Adam's step."""
    time, mean, square = len(gradients), 0.0, 0.0
    for gradient in gradients:
        mean = BETA1 * mean + (1 - BETA1) * gradient
        square = BETA2 * square + (1 - BETA2) * gradient**2
    if name not in BLOCKS:
        return mean / (1 - BETA1**time) / (np.sqrt(square / (1 - BETA2**time)) + 1e-8)
    ahead = BETA1 * mean / (1 - BETA1 ** (time + 1)) + (1 - BETA1) * gradients[-1] / (1 - BETA1**time)
    blocks = np.split(ahead, BLOCKS[name])
    return np.concatenate([0.2 * np.sqrt(max(block.shape)) * newton_schulz(block) for block in blocks])


def test_each_gate_moves_as_the_papers_say_and_all_else_as_by_adamw() -> None:
    random = np.random.default_rng(0)
    params = {name: random.normal(size=shape) for name, shape in SHAPES.items()}
    config = TrainingConfig(optimizer="muon", beta1=BETA1, beta2=BETA2, weight_decay=DECAY, clip_norm=0.0)
    rule, seen = make_optimizer(config), []
    weights = jax.tree.map(jnp.float32, params)
    state = rule.init(weights)
    update = jax.jit(rule.update)
    for _ in range(3):
        seen.append({name: random.normal(size=shape) for name, shape in SHAPES.items()})
        updates, state = update(jax.tree.map(jnp.float32, seen[-1]), state, weights)
    for name, value in params.items():
        decay = DECAY * value if value.ndim == 2 else 0
        expected = direction(name, [gradients[name] for gradients in seen]) + decay
        np.testing.assert_allclose(updates[name], expected, rtol=2e-3, atol=2e-4, err_msg=name)


def test_a_gradient_of_zero_moves_nothing() -> None:
    """As for the parts that `freeze` keeps."""
    weights = {"rnn.weight_hh_l0": jnp.zeros((4, 2))}
    rule = make_optimizer(TrainingConfig(optimizer="muon"))
    updates, _ = jax.jit(rule.update)(weights, rule.init(weights), weights)
    assert not np.any(updates["rnn.weight_hh_l0"])


def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path: Path, text: Path) -> None:
    """With all that draws or keeps weights beside it."""
    config = configure(text, optimizer="muon", steps=12, eval_every=6, weight_dropout=0.3, average_decay=0.9)
    whole = run(tmp_path / "whole", config)
    run(tmp_path / "run", config, at_step(5, lambda: os.kill(os.getpid(), signal.SIGINT)))
    made = resume_recorded(tmp_path / "run")
    assert 5 <= made.started.resumed_at < 12
    assert made.lines == whole.lines
    assert_identical(made.state, whole.state)
