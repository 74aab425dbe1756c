"""charloop bench: time charloop on this machine."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import argument, check_ranges, parse
from charloop.cli.flags.training import ModelFlags
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.progress import show_status
from charloop.cli.terminal.tables import left, right, table_lines
from charloop.config.ranges import Count
from charloop.errors import CharloopError, unknown_name

BENCHMARKS = {
    "speed": "characters per second of training and of sampling",
    "unroll": "the unrollings side by side: time to trace, to compile, to make a step",
}
MOVED = ("train", "sample", "encode", "memory")
"""Benchmarks that earlier versions had; all but memory compare with other programs."""


@dataclass(frozen=True)
class StepFlags:
    """The sizes of a training step, by default those of the tutorial."""

    model: ModelFlags = field(
        default_factory=lambda: ModelFlags(num_layers=3, hidden_size=100, embed_size=100)
    )
    batch_size: Count = 32
    """Number of batch rows."""
    seq_length: Count = 200
    """Number of characters of each batch row that one step reads."""
    vocab_size: Annotated[Count, tyro.conf.arg(metavar="N")] = 65
    """Number of distinct characters in the text."""
    repeats: Count = 5
    """Number of times each measurement is repeated."""
    output: Annotated[str, argument("FILE", "-o", default="bench-NAME-DATE-TIME.json")] = ""
    """New file for all figures and the machine they were measured on."""


@dataclass(frozen=True)
class SpeedFlags(StepFlags):
    """Measure the characters per second of training and of sampling.

    The text and the weights are random. Sampling uses the default filters.
    """

    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers in large matrix products during training. bfloat16 needs a processor that multiplies such numbers."""
    num_samples: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 64)
    """Number of texts that are written at once. A single text is streamed."""
    length: Count = 2000
    """Number of characters of each written text."""


@dataclass(frozen=True)
class UnrollFlags(StepFlags):
    """Time each unrolling: to trace, to compile, to make a training step.

    The unrollings take turns, so that noise of the machine affects all alike.
    """

    unrollings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("static", "dynamic", "scan", "xla", "fused")
    """Unrollings to time. static takes minutes to compile."""


def main(arguments: Sequence[str]) -> None:
    """Run the benchmark that the first argument names."""
    if not arguments:
        raise CharloopError(
            "charloop bench: no benchmark", allowed=", ".join(BENCHMARKS), do="see charloop bench --help"
        )
    name, *rest = arguments
    if name in ("-h", "--help"):
        print(usage())
    elif name in MOVED:
        raise CharloopError(
            f"charloop bench {name} is now a script",
            do=f"run `python -m bench.{name}` in a checkout of charloop (see bench/README.md)",
        )
    elif name == "speed":
        compare_speeds(check_ranges(parse(SpeedFlags, "bench speed", rest)))
    elif name == "unroll":
        compare_unrollings(check_ranges(parse(UnrollFlags, "bench unroll", rest)))
    else:
        raise unknown_name("benchmark", name, BENCHMARKS, do="see charloop bench --help")


def usage() -> str:
    """Return what `charloop bench --help` shows."""
    lines = "\n".join(f"  {name:9}{summary}" for name, summary in BENCHMARKS.items())
    return f"""usage: charloop bench BENCHMARK ...

Time charloop on this machine.

{lines}

charloop bench BENCHMARK --help shows the flags of a benchmark.
"""


def compare_speeds(flags: SpeedFlags) -> None:
    """Measure, print a table, and write all figures to a file."""
    prepare_jax(keep_programs=False)
    from charloop.benchmark.results import ResultsFile
    from charloop.benchmark.speed import measure_sampling_speed, measure_training_speed
    from charloop.benchmark.training_step import StepSetting

    setting = StepSetting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size, flags.precision)
    file = ResultsFile(flags.output, "speed", setting=asdict(setting), length=flags.length)
    print(f"{file.machine_line}\n{setting}\n")
    show_status("training ...")
    speeds = [measure_training_speed(setting, flags.repeats)]
    for number in flags.num_samples:
        show_status("sampling ...")
        speeds.append(
            measure_sampling_speed(flags.model, flags.vocab_size, number, flags.length, flags.repeats)
        )
    show_status()
    rows = [
        (
            speed.name,
            f"{speed.median:,.0f}",
            f"{min(speed.rates):,.0f} to {max(speed.rates):,.0f}",
            f"{speed.first:.1f} s",
        )
        for speed in speeds
    ]
    heads = ("median", "range", "first call")
    print("\n".join(table_lines([left("characters/s"), *map(right, heads)], rows)))
    file.save(speeds=[asdict(speed) | {"median": speed.median} for speed in speeds])
    print(f"\nall figures: {file.path}")


def compare_unrollings(flags: UnrollFlags) -> None:
    """Time the unrollings, print a table with each median step over that of fused, and write all figures."""
    prepare_jax(keep_programs=False)
    from charloop.benchmark.results import ResultsFile
    from charloop.benchmark.speed import time_unrollings
    from charloop.benchmark.training_step import StepSetting, select_unrollings

    setting = StepSetting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size)
    unrollings = select_unrollings(setting, flags.unrollings)
    file = ResultsFile(flags.output, "unroll", setting=asdict(setting))
    print(f"{file.machine_line}\n{setting}\n")
    timings = time_unrollings(setting, unrollings, flags.repeats)
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
    file.save(timings=[asdict(timing) | {"median": timing.median} for timing in timings])
    print(f"\nall figures: {file.path}")
