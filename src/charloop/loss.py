"""What the network is trained to make small."""

from jaxtyping import Array, Float

from charloop.engines import XLA, Engine
from charloop.types import Characters, Logits
from charloop.unroll.fused import score_targets


def cross_entropy(logits: Logits, targets: Characters, *, engine: Engine = XLA) -> Float[Array, "time batch"]:
    """Nats it costs to be told each target by a model that puts out these logits: at least 0.

    `engine` makes it where it can; a model's own is `CharLM.engine`.
    """
    return score_targets(engine, logits, targets)
