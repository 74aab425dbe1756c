"""Programs that do the same work are timed in turn, so that noise of the machine affects all of them alike."""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bench.programs import OURS, Process, Program
from bench.serve import SETTLE
from charloop.cli.terminal.tables import left, right, table_lines

MATRIX_SIZE = 1024
"""Rows and columns of the matrices whose product is the yardstick."""


@dataclass
class Timing:
    """One program at one setting: the seconds of each step, a step being what its `build` returns."""

    program: str
    versions: dict[str, str] = field(default_factory=dict)
    build: float | None = None
    missing: str | None = None
    steps: list[float] = field(default_factory=list)
    ratio: float | None = None
    """Its time over charloop's: the median of the ratios of all rounds. Above 1, charloop is faster."""
    matrix_rate: float | None = None
    """Share of the rate of NumPy's matrix products that it reaches on the products that no program can avoid."""

    @property
    def median(self) -> float:
        """The median seconds of a step."""
        return statistics.median(self.steps)

    @property
    def middle_half(self) -> tuple[float, float]:
        """The first and the third quartile of the seconds of a step."""
        low, _, high = statistics.quantiles(self.steps, n=4)
        return low, high

    def as_dict(self) -> dict[str, Any]:
        """Return all figures, for a file."""
        return asdict(self) | ({"median": self.median, "middle_half": self.middle_half} if self.steps else {})


def show_progress(text: str = "") -> None:
    """Show `text` in the last line of a terminal, in place of what was shown there before."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def time_programs(
    setting: Mapping[str, Any],
    operations: int,
    programs: Sequence[Program],
    rounds: int,
    steps: int,
    show: Callable[[str], None] = show_progress,
) -> list[Timing]:
    """Build every program for `setting`, then time `steps` steps of each in turn, `rounds` times.

    `operations` are the floating-point operations of the products that no program can do a step without.
    """
    rates = []
    with start_processes(programs, setting, show) as processes:
        timings = [
            Timing(p.name, p.about.get("versions", {}), p.about.get("build"), p.missing) for p in processes
        ]
        for number in range(rounds):
            show(f"round {number + 1} of {rounds} ...")
            rates.append(measure_matrix_rate())
            for process, timing in zip(processes, timings, strict=True):
                timing.steps += [] if process.missing else process.time_steps(steps)
                timing.missing = process.missing
    show("")
    add_ratios(timings, operations, statistics.median(rates), steps)
    return timings


@contextmanager
def start_processes(
    programs: Sequence[Program], setting: Mapping[str, Any], show: Callable[[str], None]
) -> Iterator[list[Process]]:
    """Start a process for each program; end all of them after the block."""
    processes: list[Process] = []
    try:
        for program in programs:
            show(f"building {program.name} ...")
            processes.append(Process(program, setting))
        yield processes
    finally:
        for process in processes:
            process.close()


def measure_matrix_rate() -> float:
    """Return the floating-point operations per second of NumPy's float32 matrix product, on all cores.

    It waits until the machine is quiet, and makes the product once before so that the data is in the caches.
    """
    left = np.random.default_rng(0).standard_normal((MATRIX_SIZE, MATRIX_SIZE)).astype(np.float32)
    product = np.empty_like(left)
    time.sleep(SETTLE)
    np.matmul(left, left, out=product)
    start = time.perf_counter()
    np.matmul(left, left, out=product)
    return 2 * MATRIX_SIZE**3 / (time.perf_counter() - start)


def add_ratios(timings: Sequence[Timing], operations: int, matrix_rate: float, steps: int) -> None:
    """Fill in the ratio and the matrix rate of each timing that has steps; `steps` of them are one round."""
    ours = next((timing for timing in timings if timing.program == OURS and timing.steps), None)
    for timing in (timing for timing in timings if timing.steps):
        timing.matrix_rate = operations / timing.median / matrix_rate
        if ours:
            rounds = zip(medians_of_rounds(timing, steps), medians_of_rounds(ours, steps), strict=False)
            timing.ratio = statistics.median(theirs / own for theirs, own in rounds)


def medians_of_rounds(timing: Timing, steps: int) -> list[float]:
    """Return the median step of each round."""
    return [statistics.median(timing.steps[i : i + steps]) for i in range(0, len(timing.steps), steps)]


def print_timings(
    heads: Sequence[str], timings: Sequence[Timing], describe: Callable[[Timing], tuple[str, str]]
) -> None:
    """Print one line per program; `describe` returns the columns for its median and its middle half."""
    rows = [
        (timing.program, f"not measured: {timing.missing}")
        if timing.missing or not timing.steps
        else (
            timing.program,
            f"{timing.build:.1f} s",
            *describe(timing),
            f"{timing.ratio:.2f}x" if timing.ratio else "",
            f"{timing.matrix_rate:.0%}",
        )
        for timing in timings
    ]
    print_table(heads, [row for row in rows if len(row) > 2])
    for name, reason in (row for row in rows if len(row) == 2):
        print(f"{name}  {reason}")


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose first column has names and no head."""
    print("\n".join(table_lines([left(""), *map(right, heads)], rows)))
