"""The flags of dynamic evaluation."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from charloop.cli.flags.parsing import Switch
from charloop.config import NonNegative, Positive
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.evaluation.dynamic import DynamicSettings


@dataclass(frozen=True)
class DynamicFlags:
    """Dynamic evaluation: the network learns from the text that it reads (Krause et al. 2018).

    The run stays as it is. The settings were chosen on Shakespeare; --tune finds better ones for a network.
    """

    dynamic: Switch = False
    """Also score the text while the network learns from each segment that it has predicted."""
    tune: Switch = False
    """First choose --dynamic-rate and --dynamic-decay on the last 20,000 characters of the training text."""
    dynamic_rate: NonNegative = 0.3
    """Learning rate of dynamic evaluation, 0 or more."""
    dynamic_decay: NonNegative = 0.003
    """How fast the weights go back to the trained ones, 0 or more."""
    dynamic_epsilon: Positive = 0.01
    """Added to each weight's mean gradient before a step is divided by it, above 0; the mean of all is 1."""
    dynamic_segment: Annotated[int, Meta(ge=1, le=10_000)] = 20
    """Characters that are predicted before the network learns from them."""
    dynamic_rows: Annotated[int, Meta(ge=1, le=1024)] = 1
    """Parts of the text that are read side by side: more are faster, and lower the loss less."""

    def settings(self) -> "DynamicSettings":
        """Return how the network learns."""
        from charloop.evaluation.dynamic import DynamicSettings

        return DynamicSettings(
            self.dynamic_rate,
            self.dynamic_decay,
            self.dynamic_epsilon,
            self.dynamic_segment,
            self.dynamic_rows,
        )


def check_dynamic_flags(flags: DynamicFlags, given: Collection[str], limit: int) -> None:
    """Raise CharloopError for flags that need --dynamic, and for --limit beside it; `given` are names of fields."""
    needless = sorted(name for name in given if name == "tune" or name.startswith("dynamic_"))
    if needless and not flags.dynamic:
        raise CharloopError(f"--{needless[0].replace('_', '-')} needs --dynamic", do="add --dynamic")
    if flags.dynamic and limit:
        raise CharloopError(
            "--dynamic and --limit do not go together", do="leave one out: the network learns from all before"
        )
