"""The flags of dynamic evaluation."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch
from charloop.config import NonNegative, Positive
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.evaluation.dynamic import DynamicSettings


@dataclass(frozen=True)
class LearningFlags:
    """How a network learns from the text that it reads."""

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
        """Return the same for the library."""
        from charloop.evaluation.dynamic import DynamicSettings

        rates = self.dynamic_rate, self.dynamic_decay, self.dynamic_epsilon
        return DynamicSettings(*rates, self.dynamic_segment, self.dynamic_rows)


@dataclass(frozen=True)
class ScoringLearningFlags(LearningFlags):
    """Dynamic evaluation: the network learns from the text that it reads (Krause et al. 2018).

    The run stays as it is. The settings were chosen on Shakespeare; --tune finds better ones for a network.
    """

    dynamic: Switch = False
    """Also score the text while the network learns from each segment that it has predicted."""
    tune: Switch = False
    """First choose --dynamic-rate and --dynamic-decay on the last 20,000 characters of the training text."""


@dataclass(frozen=True)
class WritingLearningFlags(LearningFlags):
    """A network that first learns from a text, by dynamic evaluation (Krause et al. 2018); the run stays as it is."""

    dynamic_context: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """Read this text (a file, a folder or a named corpus) and learn from it, then write. It is not printed."""


def check_learning(switch: str, given: Collection[str], is_on: bool) -> None:
    """Raise CharloopError for flags of how to learn, among `given` (names of fields), where nothing is learned."""
    needless = sorted(
        name
        for name in given
        if name == "tune" or (name.startswith("dynamic_") and name != "dynamic_context")
    )
    if needless and not is_on:
        raise CharloopError(f"--{needless[0].replace('_', '-')} needs {switch}", do=f"add {switch}")
