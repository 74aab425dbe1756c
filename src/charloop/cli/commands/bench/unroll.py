"""charloop bench unroll: the unrollings side by side."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from charloop.cli.commands.bench.flags import StepFlags
from charloop.cli.flags.parsing import check_ranges, parse

if TYPE_CHECKING:
    from charloop.benchmark.unrolling import UnrollingTiming


@dataclass(frozen=True)
class UnrollFlags(StepFlags):
    """Time each unrolling: to trace, to compile, to make a training step.

    The unrollings take turns, so that noise of the machine affects all alike.
    """

    unrollings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("static", "dynamic", "scan", "xla", "fused")
    """Unrollings to time. static takes minutes to compile."""


def main(arguments: Sequence[str]) -> None:
    """Time the unrollings, print a table, and write all figures to a file."""
    flags = check_ranges(parse(UnrollFlags, "bench unroll", arguments))
    from charloop.devices import use_all_cores

    use_all_cores()
    from charloop.benchmark.results import ResultsFile
    from charloop.benchmark.training_step import StepSetting, select_unrollings
    from charloop.benchmark.unrolling import time_unrollings

    setting = StepSetting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size)
    unrollings = select_unrollings(setting, flags.unrollings)
    file = ResultsFile(flags.output, "unroll", setting=asdict(setting))
    print(f"{file.machine_line}\n{setting}\n")
    timings = time_unrollings(setting, unrollings, flags.repeats)
    print_unrollings(timings)
    file.save(timings=[asdict(timing) | {"median": timing.median} for timing in timings])
    print(f"\nall figures: {file.path}")


def print_unrollings(timings: "Sequence[UnrollingTiming]") -> None:
    """Print one line per unrolling; the last column is its median step over that of fused."""
    from charloop.cli.terminal.tables import left, right, table_lines

    reference = next((t.median for t in timings if t.unrolling == "fused"), None)
    heads = ("trace", "compile", "step, median", "fastest", "slowest", "to fused")
    rows = [
        (
            timing.unrolling,
            *(f"{seconds:.2f} s" for seconds in (timing.trace, timing.compile)),
            *(f"{seconds * 1e3:.1f} ms" for seconds in (timing.median, min(timing.steps), max(timing.steps))),
            f"{timing.median / reference:.2f}x" if reference else "",
        )
        for timing in timings
    ]
    print("\n".join(table_lines([left(""), *map(right, heads)], rows)))
