"""Training as one would write it on a blackboard: the PTB loop, JAX's gradient of a plain scan, optax's own rules."""

from typing import Any

import jax
import numpy as np
import optax

from charloop.config import RunConfig
from charloop.data import Vocabulary
from charloop.loss import cross_entropy
from charloop.model import CharLM
from training.runs import TEXT


def ptb(text: str, config: RunConfig) -> list[tuple[bool, np.ndarray, np.ndarray]]:
    """An epoch as the PTB iterator defines it: whether it starts here, inputs, targets; time first."""
    ids = Vocabulary.of_text(TEXT).encode(text)
    batch, time = config.data.batch_size, config.data.seq_length
    lane = len(ids) // batch
    data = ids[: batch * lane].reshape(batch, lane)
    return [
        (i == 0, data[:, i * time : (i + 1) * time].T, data[:, i * time + 1 : (i + 1) * time + 1].T)
        for i in range((lane - 1) // time)
    ]


def rule(config: RunConfig, rates: list[float]) -> optax.GradientTransformation:
    """optax's ready-made optimisers, told the rate of each update."""
    t = config.training

    def rate(count: Any) -> Any:
        return jax.numpy.asarray(rates, "float32")[count]

    def matrices(params: Any) -> Any:
        return {name: name.endswith("weight") or "weight_" in name for name in params}

    return {
        "adam": lambda: optax.adam(rate, t.momentum, t.second_moment),
        "adamw": lambda: optax.adamw(
            rate, t.momentum, t.second_moment, weight_decay=t.weight_decay, mask=matrices
        ),
        "rmsprop": lambda: optax.rmsprop(rate, t.second_moment),
        "sgd": lambda: optax.sgd(rate, t.momentum),
    }[t.optimizer]()


def clipped(gradient: Any, longest: float) -> tuple[float, Any]:
    """The gradient's length, and the gradient no longer than `longest` (0: as it is)."""
    length = float(np.sqrt(sum((np.asarray(g, np.float64) ** 2).sum() for g in gradient.values())))
    factor = np.float32(longest / length if 0 < longest < length else 1)
    return length, {name: g * factor for name, g in gradient.items()}


def emptied(memory: Any, key: Any, rate: float) -> Any:
    """`memory` with zeros in the place of some lanes, one at a time."""
    lanes = len(jax.tree.leaves(memory)[0])
    keep = np.ones(lanes, np.float32)
    for lane in range(lanes):
        own = jax.random.fold_in(jax.random.fold_in(key, 2**31), lane)
        if float(jax.random.uniform(own)) < rate:
            keep[lane] = 0
    return jax.tree.map(lambda leaf: leaf * keep[:, None], memory)


def learn(model: CharLM, config: RunConfig, text: str, rates: list[float]) -> tuple[Any, list[Any]]:
    """Weights after `len(rates)` updates on `text`; loss and gradient length of each."""
    key_init, key_run = jax.random.split(jax.random.key(config.training.seed))
    params, memory, rows = jax.jit(model.init)(key_init), None, []
    optimizer = rule(config, rates)
    moments, epoch = optimizer.init(params), ptb(text, config)

    @jax.jit
    def gradient(params: Any, x: Any, y: Any, memory: Any, key: Any) -> Any:
        def loss(params: Any) -> Any:
            logits, after = model.apply(params, x, memory, key=key)
            return cross_entropy(logits, y).mean(), after

        return jax.value_and_grad(loss, has_aux=True)(params)

    update, number = jax.jit(optimizer.update), 0
    while number < len(rates):
        for starts, x, y in epoch[: len(rates) - number]:
            memory = model.initial_state(config.data.batch_size) if starts else memory
            key = jax.random.fold_in(key_run, number)
            memory = emptied(memory, key, config.training.state_dropout)
            (loss, memory), g = gradient(params, x, y, memory, key)
            length, g = clipped(g, config.training.clip_norm)
            updates, moments = update(g, moments, params)
            params = jax.tree.map(np.add, params, updates)
            rows.append((float(loss), length))
            number += 1
    return params, rows
