"""The weights of a mixture, found on a text that is neither scored nor, where there is one, learned from."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, Integer

from charloop.checkpoint.texts import read_split, read_training_text
from charloop.evaluation.evaluator import CHUNK_LENGTH, MAX_LOGITS, WARM_UP, Layout
from charloop.loss import cross_entropy
from charloop.mixing import WAYS_TO_MIX
from charloop.progress import ProgressListener
from charloop.trained.mixture import Mixture, mix
from charloop.trained.ngram import HELD_OUT, Ngram, hold_out, make_ngram

LEAST = 1000
"""Fewer characters are too few to find weights on."""
SMALLEST_WEIGHT = 1e-6
DIGITS = 3
"""Decimals of the weights found: what is printed is what is used."""


class Tuned(NamedTuple):
    """A mixture with the weights that were found, and its loss with them, in nats per character."""

    mixture: Mixture
    loss: float
    part: str
    """The part of the first run's text that they were found on: val, test or train."""


def tune_weights(
    mixture: Mixture, listener: ProgressListener | None = None, *, scored: str | None = None
) -> Tuned:
    """Return the mixture with the weights that have the lowest loss on up to 20,000 characters of the first run.

    They are the end of its validation text, or of its test text if `scored`, a part of its text that is to be scored,
    is "val". Where there is none of `LEAST` characters, they are the end of the training text, and n-grams are
    counted without it. Raises CharloopError for a network without its run, or whose training text has changed.
    """
    part, members = find_part(mixture, scored), mixture.members
    if mixture.run is None or part == "train":
        members = tuple(
            make_ngram(member, listener, holds_out=True) if isinstance(member, Ngram) else member
            for member in members
        )
        _, tokens = hold_out(read_training_text(mixture.run, listener))
    else:
        tokens = read_split(mixture.run, part, listener).tokens[-HELD_OUT - 1 :]
    logits, targets = predict_each(mix(members, mixture.kind, mixture.weights.tolist()), tokens)
    weights, loss = find_weights(mixture.kind, logits, targets)
    return Tuned(mixture.reweigh(weights.tolist()), loss, part)


def find_part(mixture: Mixture, scored: str | None) -> str:
    """Return the part of the first run's text to find the weights on."""
    sizes = mixture.run.text if mixture.run else {}
    held_out = {"val": sizes.get("validation", 0), "test": sizes.get("test", 0)}
    return next((part for part, size in held_out.items() if part != scored and size >= LEAST), "train")


def find_weights(
    kind: str, logits: Sequence[Float[np.ndarray, "targets vocab"]], targets: Int[np.ndarray, " targets"]
) -> tuple[Float[np.ndarray, " members"], float]:
    """Return the weights with the lowest loss of `targets`, and that loss.

    It is a convex function of the weights, for both ways to mix.
    """
    from scipy.optimize import minimize

    @jax.jit
    @jax.value_and_grad
    def loss_of(weights: jax.Array, logits: list[jax.Array], targets: jax.Array) -> jax.Array:
        return cross_entropy(WAYS_TO_MIX[kind](logits, weights / weights.sum()), targets).mean()

    texts = [jnp.asarray(one)[:, None] for one in logits], jnp.asarray(targets)[:, None]

    def evaluate(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        loss, slope = loss_of(jnp.asarray(weights, jnp.float32), *texts)
        return np.asarray(loss, np.float64), np.asarray(slope, np.float64)

    count = len(logits)
    found = minimize(
        evaluate,
        np.full(count, 1 / count),
        jac=True,
        method="SLSQP",
        bounds=[(SMALLEST_WEIGHT, 1)] * count,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like},
    )
    weights = np.round(found.x, DIGITS)
    return weights, float(found.fun)


def predict_each(
    mixture: Mixture, tokens: Integer[np.ndarray, " length"]
) -> tuple[list[Float[np.ndarray, "targets vocab"]], Int[np.ndarray, " targets"]]:
    """Return the logits of each member for the end of `tokens`, as much as memory allows, and the tokens there."""
    model = mixture.mixed
    most = max(CHUNK_LENGTH, MAX_LOGITS // (len(mixture.members) * model.vocab_size))
    tokens = tokens[-most - 1 :]
    layout = Layout.of(len(tokens) - 1)
    step = jax.jit(model.apply_each)
    state, kept, targets = model.initial_state(layout.rows), [], []
    for start in range(-WARM_UP, layout.read, CHUNK_LENGTH):
        read, wanted, scored = layout.cut(tokens, start, CHUNK_LENGTH)
        logits, state = step(mixture.params, read, state)
        kept.append([np.asarray(one)[scored] for one in logits])
        targets.append(wanted[scored])
    return [np.concatenate(one) for one in zip(*kept, strict=True)], np.concatenate(targets)
