"""charloop bench unroll: each unrolling, to build, to compile, to make a step."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import tyro
from msgspec import Meta

from charloop.cli.commands.bench.figures import new_file, save
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.cli.flags.training import ModelFlags
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
    unrollings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("static", "dynamic", "scan", "xla", "fused")
    """Which to time."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), help_behavior_hint="(default: bench-unroll-DATE-TIME.json)")
    ] = ""
    """New file for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Time, print, and write down everything."""
    flags = check_ranges(parse(UnrollFlags, "bench unroll", arguments))
    from charloop.devices import use_all_cores

    use_all_cores()
    from charloop.benchmark.machine import machine
    from charloop.benchmark.unrolling import Setting, time_unrollings
    from charloop.cli.commands.bench.table import print_machine, print_unrollings, written_timing
    from charloop.model import CharLM
    from charloop.unroll import find_unrolling

    setting = Setting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size)
    for name in flags.unrollings:
        find_unrolling(name)
    CharLM.build(setting.model, setting.vocab_size)
    file = new_file(flags.output, "unroll")
    found: dict[str, Any] = {"machine": machine(), "setting": asdict(setting)}
    # Before the first minute of timing: a place that cannot be written is told of at once.
    save(file, found)
    print_machine(found["machine"])
    timings = time_unrollings(setting, flags.unrollings, flags.repeats)
    print_unrollings(setting, timings)
    save(file, found | {"timings": [*map(written_timing, timings)]})
    print(f"\nevery figure: {file}")
