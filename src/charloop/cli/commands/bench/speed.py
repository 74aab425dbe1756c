"""charloop bench speed: characters per second of training and of sampling."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from msgspec import Meta

from charloop.cli.commands.bench.flags import StepFlags
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.config import Count


@dataclass(frozen=True)
class SpeedFlags(StepFlags):
    """Measure the characters per second of training and of sampling.

    The text and the weights are random. Sampling uses the default filters.
    """

    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers that the products of training are made of. bfloat16 needs hardware that multiplies them."""
    num_samples: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 64)
    """Number of texts that are written at once. A single text is streamed."""
    length: Count = 2000
    """Characters of each written text."""


def main(arguments: Sequence[str]) -> None:
    """Measure, print a table, and write all figures to a file."""
    flags = check_ranges(parse(SpeedFlags, "bench speed", arguments))
    from charloop.devices import use_all_cores

    use_all_cores()
    from charloop.benchmark.results import ResultsFile
    from charloop.benchmark.speed import measure_sampling_speed, measure_training_speed
    from charloop.benchmark.training_step import StepSetting
    from charloop.cli.terminal.progress import show_status
    from charloop.cli.terminal.tables import left, right, table_lines

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
