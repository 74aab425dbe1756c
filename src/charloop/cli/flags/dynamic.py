"""The flags of dynamic evaluation."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import tyro

from charloop.cli.flags.parsing import Switch, of_flag
from charloop.config import DynamicConfig
from charloop.errors import CharloopError


@dataclass(frozen=True)
class LearningFlags(DynamicConfig):
    """How a network learns from the text that it reads."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except CharloopError as error:
            raise of_flag(error) from None


@dataclass(frozen=True)
class ScoringLearningFlags(LearningFlags):
    """Dynamic evaluation: the network learns from the text that it reads (Krause et al. 2018).

    The run stays as it is. The settings were chosen on Shakespeare; --tune finds better ones for a network.
    """

    dynamic: Switch = False
    """Also score the text while the network learns from each segment that it has predicted."""
    tune: Switch = False
    """First choose --dynamic-rate and --dynamic-decay, on the last 20,000 characters of the training text; or the
    weights of several runs (docs/mixing.md)."""


@dataclass(frozen=True)
class LearningNetworkFlags(LearningFlags):
    """Dynamic evaluation: the network learns from what it has coded (Krause et al. 2018); the run stays as it is."""

    dynamic: Switch = False
    """Learn from each segment that has been coded: smaller, and slower."""


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


def refuse_limit(learning: ScoringLearningFlags, limit: int) -> None:
    """Raise CharloopError for a network that is to learn from a text of which it reads only parts."""
    if learning.dynamic and limit:
        raise CharloopError(
            "--dynamic and --limit do not go together", do="leave one out: the network learns from all before"
        )
