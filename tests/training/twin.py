"""A simple reference of training: the PTB loop, JAX's gradient of a plain scan, optax's own rules."""

import itertools
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax

from charloop.config import RunConfig
from charloop.data import Vocabulary
from charloop.loss import cross_entropy
from charloop.model import CharLM


def ptb(text: str, config: RunConfig, epoch: int = 0) -> list[tuple[bool, np.ndarray, np.ndarray]]:
    """An epoch as the PTB iterator defines it: whether it starts, inputs, targets; time first.

    With a random offset, one character less than a chunk has is missing, at the start and at the end together.
    """
    ids = Vocabulary.of_text(text).encode(text)
    batch, time = config.data.batch_size, config.data.seq_length
    if config.data.random_offset:
        offset = int(np.random.default_rng((config.training.seed, epoch)).integers(time))
        ids = ids[offset : len(ids) - (time - 1 - offset)]
    length = len(ids) // batch
    data = ids[: batch * length].reshape(batch, length)
    return [
        (i == 0, data[:, i * time : (i + 1) * time].T, data[:, i * time + 1 : (i + 1) * time + 1].T)
        for i in range((length - 1) // time)
    ]


def rule(config: RunConfig, rates: list[float]) -> optax.GradientTransformation:
    """optax's own optimizers, with the rate of each update."""
    t = config.training

    def rate(count: Any) -> Any:
        return jax.numpy.asarray(rates, "float32")[count]

    def matrices(params: Any) -> Any:
        return {name: name.endswith("weight") or "weight_" in name for name in params}

    return {
        "adam": lambda: optax.adam(rate, t.beta1, t.beta2),
        "adamw": lambda: optax.adamw(rate, t.beta1, t.beta2, weight_decay=t.weight_decay, mask=matrices),
        "rmsprop": lambda: optax.rmsprop(rate, t.beta2),
        "sgd": lambda: optax.sgd(rate, t.beta1),
    }[t.optimizer]()


def clipped(gradient: Any, longest: float) -> tuple[float, Any]:
    """The gradient's norm, and the gradient clipped to `longest` (0: not clipped)."""
    length = float(np.sqrt(sum((np.asarray(g, np.float64) ** 2).sum() for g in gradient.values())))
    factor = np.float32(longest / length if 0 < longest < length else 1)
    return length, {name: g * factor for name, g in gradient.items()}


def reset_positions(key: Any, rate: float, chunk: np.ndarray, prefix: tuple[int, ...]) -> np.ndarray:
    """Return before which inputs of a chunk the state is reset: batch row by batch row, position by position."""
    time, rows = len(chunk) - 1, chunk.shape[1]
    found = np.zeros((time, rows), bool)
    for row in range(rows):
        own = jax.random.fold_in(jax.random.fold_in(key, 2**31), row)
        if float(jax.random.uniform(own)) >= rate:
            continue
        draws = jax.random.uniform(jax.random.fold_in(jax.random.fold_in(key, 2**31 + 1), row), (time,))
        text, size = chunk[:, row].tolist(), len(prefix)
        starts = [t for t in range(time) if prefix and text[t : t + size] == list(prefix)]
        found[max(starts, key=lambda t: float(draws[t]), default=0), row] = True
    return found


def dropped_weights(key: Any, rate: float, params: Any) -> Any:
    """Return `params` with recurrent weights dropped: matrix by matrix, two draws of 16 bits from each word."""
    names = sorted(name for name in params if "weight_hh" in name)
    keys = jax.random.split(jax.random.fold_in(key, 2**31 + 2), len(names))
    made, level = dict(params), round(rate * 2**16)
    for name, own in zip(names, keys, strict=True) if level else ():
        rows, columns = params[name].shape
        words = np.asarray(jax.random.bits(own, (rows, -(-columns // 2)), "uint32"))
        draws = np.concatenate([words % 2**16, words // 2**16], axis=1)[:, :columns]
        made[name] = params[name] * (draws < 2**16 - level) * np.float32(2**16 / (2**16 - level))
    return made


def dropped_characters(key: Any, rate: float, factors: Any) -> Any:
    """Return the factors of the weights with those of an embedding's rows: 0 for a character that is dropped."""
    level, shape = round(rate * 2**16), factors["embedding.weight"].shape
    draws = jax.random.bits(jax.random.fold_in(key, 2**31 + 3), (shape[0], 1), "uint32") % 2**16
    kept = [0 if draw >= 2**16 - level else 2**16 / (2**16 - level) for draw in draws[:, 0].tolist()]
    return factors | {"embedding.weight": np.repeat(np.float32(kept)[:, None], shape[1], axis=1)}


def learn(
    model: CharLM, config: RunConfig, text: str, rates: list[float], prefix: tuple[int, ...] = ()
) -> tuple[Any, list[Any]]:
    """Weights after `len(rates)` updates on `text` (all symbols are in it); loss and gradient length of each."""
    rate = model.config.embedding_dropout
    model = replace(model, config=replace(model.config, embedding_dropout=0.0))
    key_init, key_run = jax.random.split(jax.random.key(config.training.seed))
    params, memory, rows = jax.jit(model.init)(key_init), None, []
    optimizer = rule(config, rates)
    moments = optimizer.init(params)

    @jax.jit
    def gradient(params: Any, x: Any, y: Any, memory: Any, key: Any, resets: Any) -> Any:
        def loss(params: Any) -> Any:
            logits, after = model.apply(params, x, memory, key=key, resets=resets)
            return cross_entropy(logits, y).mean(), after

        return jax.value_and_grad(loss, has_aux=True)(params)

    update, number = jax.jit(optimizer.update), 0
    for passed in itertools.count():
        if number == len(rates):
            break
        for starts, x, y in ptb(text, config, passed)[: len(rates) - number]:
            memory = model.initial_state(config.data.batch_size) if starts else memory
            key = jax.random.fold_in(key_run, number)
            resets = reset_positions(key, config.training.state_dropout, np.concatenate([x, y[-1:]]), prefix)
            factors = dropped_weights(key, config.training.weight_dropout, jax.tree.map(np.ones_like, params))
            factors = dropped_characters(key, rate, factors)
            dropped = jax.tree.map(np.multiply, params, factors)
            (loss, memory), g = gradient(dropped, x, y, memory, key, resets)
            g = jax.tree.map(np.multiply, g, factors)
            length, g = clipped(g, config.training.clip_norm)
            updates, moments = update(g, moments, params)
            params = jax.tree.map(np.add, params, updates)
            rows.append((float(loss), length))
            number += 1
    return params, rows
