"""Networks learn what can be learned: their losses converge to values known beforehand."""

import math
from pathlib import Path

import numpy as np
import pytest

from charloop.config import RunConfig
from charloop.trained import load
from training.runs import configure, run

SYMBOLS = "abc"
TRANSITIONS = np.array([[0.8, 0.1, 0.1], [0.0, 0.5, 0.5], [0.6, 0.4, 0.0]])
"""Row: the character before; column: the next."""


def quick(corpus: Path, **settings) -> RunConfig:
    size = {"batch_size": 16, "seq_length": 16, "num_layers": 1, "hidden_size": 32, "embed_size": 0}
    plain = {"dropout_input": 0.0, "dropout_between": 0.0, "dropout_output": 0.0, "devices": 0}
    return configure(
        corpus, **size | plain | {"learning_rate": 0.03, "decay": "cosine", "steps_per_call": 20} | settings
    )


def markov(length: int) -> str:
    """A text whose best possible loss is known."""
    random, state, states = np.random.default_rng(5), 0, []
    for _ in range(length):
        states.append(state)
        state = int(random.choice(3, p=TRANSITIONS[state]))
    return "".join(SYMBOLS[state] for state in states)


def entropy_rate() -> float:
    """Nats per character: the entropy of each row, weighted by how often the chain is in it."""
    values, vectors = np.linalg.eig(TRANSITIONS.T)
    often = np.real(vectors[:, np.argmax(np.real(values))])
    often /= often.sum()
    logs = np.log(np.where(TRANSITIONS > 0, TRANSITIONS, 1))
    return float(-(often[:, None] * TRANSITIONS * logs).sum())


def test_a_repeating_text_is_memorised(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("abacadaeafag" * 100)
    made = run(tmp_path / "run", quick(tmp_path / "text.txt", steps=180))
    assert made.losses[0] == pytest.approx(math.log(7), abs=0.1)
    assert made.finished.best is not None
    assert made.finished.best.loss < 0.02
    assert load(made.folder).sample("abacadaeafag" * 2, length=24, temperature=0.0) == ["abacadaeafag" * 2]


@pytest.mark.slow
def test_a_random_text_is_learned_down_to_its_entropy_rate(tmp_path: Path) -> None:
    """Neither below the entropy rate (a target would have leaked into the inputs) nor far above it."""
    (tmp_path / "text.txt").write_text(markov(20_000))
    made = run(tmp_path / "run", quick(tmp_path / "text.txt", steps=200, validation_fraction=0.25))
    assert made.finished.best is not None
    assert entropy_rate() == pytest.approx(0.68, abs=0.03)
    assert made.finished.best.loss == pytest.approx(entropy_rate(), abs=0.03)
    assert np.mean(made.losses[-50:]) == pytest.approx(entropy_rate(), abs=0.03)


def test_memory_carried_from_the_chunk_before_is_used(tmp_path: Path) -> None:
    """`a` is followed by `b` and `c` in turn: in chunks of two characters, only the memory knows by which."""
    (tmp_path / "text.txt").write_text("abac" * 400)
    made = run(tmp_path / "run", quick(tmp_path / "text.txt", steps=300, seq_length=2, cell="gru"))
    forgetful = math.log(2) / 2
    assert made.finished.best is not None
    assert made.finished.best.loss < forgetful / 4
