"""The training loss."""

from jaxtyping import Array, Float

from charloop.engines import XLA, Engine
from charloop.types import Characters, Logits
from charloop.unroll.fused import score_targets


def cross_entropy(logits: Logits, targets: Characters, *, engine: Engine = XLA) -> Float[Array, "time batch"]:
    """Return the nats of each target, at least 0, under the distribution that the logits define.

    `engine` computes it if it can; a model's own is `CharLM.engine`.
    """
    return score_targets(engine, logits, targets)
