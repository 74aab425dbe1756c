"""What `charloop sample` may write."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from charloop.cli.eval_texts import reading
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.sampling import Constraint
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class ConstraintFlags:
    """What it may write; what has led into a corner is taken back, and another way is tried."""

    novel: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Never write more than N consecutive characters (bytes, for a model of bytes) that stand in the training text,
    which is read again; the prompt counts as their beginning."""

    def __post_init__(self) -> None:
        if self.novel is not None and self.novel < 1:
            raise CharloopError("--novel", got=self.novel, allowed="1 or more")


def constraints_of(flags: ConstraintFlags, network: "TrainedModel") -> "tuple[Constraint, ...]":
    """The constraints that `flags` ask for."""
    found: list[Constraint] = []
    if flags.novel is not None:
        with reading() as listener:
            found.append(network.novel(flags.novel, listener))
    return tuple(found)
