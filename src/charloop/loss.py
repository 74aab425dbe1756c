"""What the network is trained to make small."""

import optax
from jaxtyping import Array, Float

from charloop.types import Characters, Logits


def cross_entropy(logits: Logits, targets: Characters) -> Float[Array, "time batch"]:
    """Nats it costs to be told each target by a model that puts out these logits: at least 0."""
    nats: Float[Array, "time batch"] = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    return nats
