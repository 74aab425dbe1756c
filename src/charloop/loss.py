"""The training loss."""

from jaxtyping import Array, Float

from charloop.engines import XLA, Engine
from charloop.types import Characters, Logits
from charloop.unroll.fused import choose_engine, or_xla


def cross_entropy(logits: Logits, targets: Characters, *, engine: Engine = XLA) -> Float[Array, "time batch"]:
    """Return the nats of each target, at least 0, under the distribution that the logits define.

    `engine` computes it, such as `CharLM.engine`; XLA if it does not fit or its kernel cannot be compiled.
    """
    fitting = choose_engine(engine, logits.size, logits)
    nats: Array = or_xla(fitting, lambda engine: engine.cross_entropy(logits, targets))
    return nats
