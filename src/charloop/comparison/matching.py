"""Networks of different cells with about the same number of parameters."""

from dataclasses import replace

import jax

from charloop.config import ModelConfig
from charloop.errors import CharloopError
from charloop.model import CharLM

MAX_HIDDEN_SIZE = 2**20
"""Largest hidden size that is tried."""


def hidden_size_like(like: CharLM, config: ModelConfig) -> int:
    """Return the hidden size at which the number of parameters of `config` is nearest to that of `like`.

    Raises CharloopError for a tied embedding, which fixes the size.
    """
    if config.tie_embedding:
        raise CharloopError(
            "--match parameters does not go with --tie-embedding",
            do="leave one out: it fixes the hidden size",
        )

    def count(hidden: int) -> int:
        return count_network_parameters(CharLM.build(replace(config, hidden_size=hidden), like.vocab_size))

    wanted = count_network_parameters(like)

    low, high = 1, 2
    while count(high) < wanted and high < MAX_HIDDEN_SIZE:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < wanted else (low, middle)
    return min((low, high), key=lambda hidden: abs(count(hidden) - wanted))


def count_network_parameters(model: CharLM) -> int:
    """Return the number of parameters of a network, without computing any."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return sum(shape.size for shape in shapes.values())
