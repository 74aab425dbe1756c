"""Programs that do the same work, timed in turn, so that noise meets all alike."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from charloop.benchmark.machine import MatrixRate
from charloop.benchmark.peers import OURS, Peer, Process


@dataclass
class Row:
    """One program at one setting; seconds of each step, a step being what its `build` returns."""

    program: str
    versions: dict[str, str] = field(default_factory=dict)
    build: float | None = None
    missing: str | None = None
    steps: list[float] = field(default_factory=list)
    ratio: float | None = None
    """Its time over charloop's: the median of the rounds' ratios. Above 1, charloop is faster."""
    matrix_rate: float | None = None
    """Share of the matrix-product rate that it reaches on the products it cannot do without."""

    @property
    def median(self) -> float:
        """Seconds of the step in the middle."""
        return statistics.median(self.steps)

    @property
    def middle_half(self) -> tuple[float, float]:
        """Seconds between which half of the steps lie."""
        low, _, high = statistics.quantiles(self.steps, n=4)
        return low, high


def time_programs(
    request: Mapping[str, Any],
    work: int,
    peers: Sequence[Peer],
    rounds: int,
    visit: int,
    say: Callable[[str], None] = print,
) -> list[Row]:
    """Build every program for `request`, then go round them `rounds` times, `visit` steps each time.

    `work`: floating-point operations of the products that no program can do a step without.
    """
    rate, rates = MatrixRate(), []
    with running(request, peers, say) as processes:
        rows = [Row(p.name, p.about.get("versions", {}), p.about.get("build"), p.missing) for p in processes]
        for done in range(rounds):
            say(f"round {done + 1} of {rounds} ...")
            rates.append(rate.measure())
            for process, row in zip(processes, rows, strict=True):
                row.steps += [] if process.missing else process.visit(visit)
                row.missing = process.missing
    summarise(rows, work, statistics.median(rates), visit)
    return rows


@contextmanager
def running(
    request: Mapping[str, Any], peers: Sequence[Peer], say: Callable[[str], None]
) -> Iterator[list[Process]]:
    """A process for each peer, ended whatever happens."""
    processes: list[Process] = []
    try:
        for peer in peers:
            say(f"building {peer.name} ...")
            processes.append(Process(peer, dict(request)))
        yield processes
    finally:
        for process in processes:
            process.close()


def summarise(rows: Sequence[Row], work: int, rate: float, visit: int) -> None:
    """Fill in what the steps say together."""
    ours = next((row for row in rows if row.program == OURS and row.steps), None)
    for row in (row for row in rows if row.steps):
        row.matrix_rate = work / row.median / rate
        if ours:
            row.ratio = statistics.median(
                theirs / own for theirs, own in zip(by_round(row, visit), by_round(ours, visit), strict=False)
            )


def by_round(row: Row, visit: int) -> list[float]:
    """The median step of each round."""
    return [statistics.median(row.steps[i : i + visit]) for i in range(0, len(row.steps), visit)]
