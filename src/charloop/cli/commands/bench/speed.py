"""charloop bench speed: characters per second of training and of sampling."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from msgspec import Meta

from charloop.cli.commands.bench.flags import StepFlags
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.config import Count


@dataclass(frozen=True)
class SpeedFlags(StepFlags):
    """Measure the characters per second of training and of sampling.

    The text and the weights are random. Sampling uses the default filters.
    """

    num_samples: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 64)
    """Number of texts that are written at once. A single text is streamed."""
    length: Count = 2000
    """Characters of each written text."""


def main(arguments: Sequence[str]) -> None:
    """Measure, print each line as soon as it is there, and write all figures to a file."""
    flags = check_ranges(parse(SpeedFlags, "bench speed", arguments))
    from charloop.devices import use_all_cores

    use_all_cores()
    from charloop.benchmark.results import ResultsFile
    from charloop.benchmark.speed import Speed, measure_sampling_speed, measure_training_speed
    from charloop.benchmark.training_step import StepSetting

    setting = StepSetting(flags.model, flags.batch_size, flags.seq_length, flags.vocab_size)
    file = ResultsFile(flags.output, "speed", setting=asdict(setting), length=flags.length)
    speeds: list[Speed] = []

    def add(speed: Speed) -> None:
        rates = f"{min(speed.rates):,.0f} to {max(speed.rates):,.0f}"
        print(f"{speed.name:20} {speed.median:>12,.0f} {rates:>24} {speed.first:>10.1f} s", flush=True)
        speeds.append(speed)
        file.save(speeds=[asdict(speed) | {"median": speed.median} for speed in speeds])

    print(f"{file.machine_line}\n{setting}\n")
    print(f"{'characters/s':20} {'median':>12} {'range':>24} {'first call':>12}")
    add(measure_training_speed(setting, flags.repeats))
    for number in flags.num_samples:
        add(measure_sampling_speed(flags.model, flags.vocab_size, number, flags.length, flags.repeats))
    print(f"\nall figures: {file.path}")
