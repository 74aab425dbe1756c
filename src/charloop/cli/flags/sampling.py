"""The flags of `charloop sample` that say how the network writes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import argument, of_flag
from charloop.errors import CharloopError
from charloop.sampling.config import SamplingConfig, Stop


@dataclass(frozen=True)
class SamplingFlags(SamplingConfig):
    """How the network writes."""

    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None  # type: ignore[assignment]
    """Seed of the random numbers: the same seed writes the same text. Without it, each call draws a seed, so that
    texts differ, and prints it on standard error."""
    stop: Annotated[tuple[Stop, ...], argument("TEXT"), tyro.conf.UseAppendAction] = ()
    """Stop before this string. Given several times: before the first of them that is written."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except CharloopError as error:
            raise of_flag(error) from None


def check_sampling_flags(flags: SamplingFlags, given: Collection[str]) -> None:
    """Raise CharloopError if `given` (field names) has a flag that does nothing without another."""
    if "repetition_window" in given and flags.repetition_penalty == 1:
        raise CharloopError(
            "--repetition-window needs --repetition-penalty",
            do="say how strong it is: --repetition-penalty 1.2",
        )
