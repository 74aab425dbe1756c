"""A model of sizes that are all different, so that no two axes can be mistaken for one another."""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from charloop.config import ModelConfig
from charloop.loss import cross_entropy
from charloop.model import CharLM

TIME, BATCH, HIDDEN, EMBED, VOCAB = 3, 2, 7, 5, 11


def build(**settings: Any) -> CharLM:
    sizes = {"num_layers": 2, "hidden_size": HIDDEN, "embed_size": EMBED}
    return CharLM.build(ModelConfig(**sizes | settings), VOCAB)


def characters(time: int = TIME, batch: int = BATCH, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, VOCAB, (time, batch)).astype(np.int32)


@cache
def weights(model: CharLM, seed: int = 1) -> dict[str, jax.Array]:
    """Weights of which none is 0 or 1 by its initial value."""
    random, fresh = np.random.default_rng(seed), jax.eval_shape(model.init, jax.random.key(0))
    noise = {name: random.normal(0, 0.5, value.shape) for name, value in fresh.items()}
    return {name: jnp.array(values, jnp.float32) for name, values in noise.items()}


def state(model: CharLM, batch: int = BATCH, seed: int = 2) -> Any:
    """A memory that is nowhere 0."""
    random = np.random.default_rng(seed)
    empty = jax.eval_shape(lambda: model.initial_state(batch))
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), empty)


@partial(jax.jit, static_argnums=0)
def apply(model: CharLM, params: Any, ids: jax.Array, memory: Any, **options: Any) -> Any:
    """The model's own, compiled: one program for each model and shape."""
    return model.apply(params, ids, memory, **options)


def loss_and_gradients(model: CharLM, params: Any, characters: jax.Array) -> Any:
    """The mean nats of the characters after the first, and the gradients of the parameters."""

    def loss(params: Any) -> jax.Array:
        logits, _ = model.apply(params, characters[:-1], model.initial_state(characters.shape[1]))
        return cross_entropy(logits, characters[1:], engine=model.engine).mean()

    return jax.value_and_grad(loss)(params)
