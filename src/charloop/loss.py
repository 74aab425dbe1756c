"""What the network is trained to make small."""

import optax
from jaxtyping import Array, Float

from charloop.types import Characters, Logits


def cross_entropy(logits: Logits, targets: Characters, *, kernel: bool = False) -> Float[Array, "time batch"]:
    """Nats it costs to be told each target by a model that puts out these logits: at least 0.

    `kernel`: made by one (`charloop.kernels`), which must be possible here.
    """
    if kernel:
        # Imported here: LLVM.
        from charloop.kernels.cross_entropy import cross_entropy as by_kernel

        return by_kernel(logits, targets)
    nats: Float[Array, "time batch"] = optax.softmax_cross_entropy_with_integer_labels(logits, targets)
    return nats
