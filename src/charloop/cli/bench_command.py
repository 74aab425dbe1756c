"""charloop bench: time the engine on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import tyro

from charloop.cli.arguments import parse
from charloop.config import Count, ModelConfig


@dataclass(frozen=True)
class BenchFlags:
    """Time each unrolling side by side: to build, to compile, to make a step. Begins with the tutorial's setting."""

    question: tyro.conf.Positional[Literal["unroll"]]
    """What to time."""
    model: ModelConfig = field(
        default_factory=lambda: ModelConfig(num_layers=3, hidden_size=100, embed_size=100)
    )
    batch_size: Count = 32
    """Lanes."""
    seq_length: Count = 200
    """Characters a step."""
    vocab_size: Annotated[Count, tyro.conf.arg(metavar="N")] = 65
    """Distinct characters."""
    repeats: Count = 5
    """Steps timed of each, in turn."""
    unrollings: tuple[str, ...] = ("static", "dynamic", "scan", "fused")
    """Which to time."""
    json: bool = False
    """Print one JSON object instead of the table."""


def main(arguments: Sequence[str]) -> None:
    """Time, then print."""
    flags = parse(BenchFlags, "bench", arguments)

    from charloop.devices import offer_cores

    offer_cores()
    from charloop.benchmark import Setting, time_unrollings
    from charloop.cli.bench_table import print_json, print_table

    setting = Setting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size)
    timings = time_unrollings(setting, flags.unrollings, flags.repeats)
    (print_json if flags.json else print_table)(setting, timings)
