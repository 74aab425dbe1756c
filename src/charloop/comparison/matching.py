"""Networks of different cells made about equally large."""

from dataclasses import replace

import jax

from charloop.config import ModelConfig
from charloop.errors import CharloopError
from charloop.model import CharLM

LARGEST = 2**20
"""Units of a layer beyond which nobody looks."""


def hidden_size_like(like: CharLM, config: ModelConfig) -> int:
    """The hidden size at which a network of `config` has about as many parameters as `like`: the nearest there is.

    Raises CharloopError for a tied embedding, which fixes the size.
    """
    if config.tie_embedding:
        raise CharloopError(
            "--match parameters does not go with --tie-embedding",
            do="leave one out: it fixes the hidden size",
        )
    wanted = select_parameters(like)

    def count(hidden: int) -> int:
        return select_parameters(CharLM.build(replace(config, hidden_size=hidden), like.vocab_size))

    low, high = 1, 2
    while count(high) < wanted and high < LARGEST:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < wanted else (low, middle)
    return min((low, high), key=lambda hidden: abs(count(hidden) - wanted))


def select_parameters(model: CharLM) -> int:
    """How many numbers a network learns; nothing is computed."""
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return sum(shape.size for shape in shapes.values())
