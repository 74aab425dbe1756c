"""charloop bench unroll: each unrolling, to build, to compile, to make a step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro
from msgspec import Meta

from charloop.cli.arguments import Switch, check_ranges, parse
from charloop.cli.train_flags import ModelFlags
from charloop.config import Count


@dataclass(frozen=True)
class UnrollFlags:
    """Time each unrolling side by side: to build, to compile, to make a step.

    It begins with the tutorial's setting.
    """

    model: ModelFlags = field(
        default_factory=lambda: ModelFlags(num_layers=3, hidden_size=100, embed_size=100)
    )
    batch_size: Count = 32
    """Lanes."""
    seq_length: Count = 200
    """Characters a step."""
    vocab_size: Annotated[Count, tyro.conf.arg(metavar="N")] = 65
    """Distinct characters."""
    repeats: Count = 5
    """Steps timed of each, in turn."""
    unrollings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("static", "dynamic", "scan", "fused")
    """Which to time."""
    json: Switch = False
    """Print one JSON object instead of the table."""


def main(arguments: Sequence[str]) -> None:
    """Time, then print."""
    flags = check_ranges(parse(UnrollFlags, "bench unroll", arguments))

    from charloop.devices import offer_cores

    offer_cores()
    from charloop.benchmark.unrolling import Setting, time_unrollings
    from charloop.cli.bench_table import print_json, print_table

    setting = Setting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size)
    timings = time_unrollings(setting, flags.unrollings, flags.repeats)
    (print_json if flags.json else print_table)(setting, timings)
