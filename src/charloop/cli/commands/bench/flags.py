"""The flags that all benchmarks share."""

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from charloop.cli.flags.training import ModelFlags
from charloop.config import Count


@dataclass(frozen=True)
class StepFlags:
    """The sizes of a training step, by default those of the tutorial."""

    model: ModelFlags = field(
        default_factory=lambda: ModelFlags(num_layers=3, hidden_size=100, embed_size=100)
    )
    batch_size: Count = 32
    """Rows of a batch."""
    seq_length: Count = 200
    """Characters of each row that one step reads."""
    vocab_size: Annotated[Count, tyro.conf.arg(metavar="N")] = 65
    """Distinct characters."""
    repeats: Count = 5
    """Number of times each measurement is repeated."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), help_behavior_hint="(default: bench-NAME-DATE-TIME.json)")
    ] = ""
    """New file for all figures and the machine they were measured on."""
