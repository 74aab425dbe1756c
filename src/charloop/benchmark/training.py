"""Whole training steps, charloop and its peers in turn."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from charloop.benchmark.machine import MatrixRate
from charloop.benchmark.peers import OURS, Peer, Process
from charloop.benchmark.unrolling import Setting
from charloop.config import ModelConfig
from charloop.model import CharLM


def sized(layers: int, hidden: int, batch: int, length: int) -> Setting:
    """A setting with the embedding as wide as the layers and tinyshakespeare's alphabet."""
    return Setting(ModelConfig(num_layers=layers, hidden_size=hidden, embed_size=hidden), batch, length, 65)


SETTINGS = {
    "S1": sized(3, 100, 32, 200),
    "S2": sized(1, 512, 50, 80),
    "S3": sized(2, 128, 50, 50),
    "S4": sized(2, 512, 64, 100),
}
"""S1: the tutorial's; S2: its later one; S3: char-rnn's default; S4: a larger one."""


@dataclass
class Row:
    """One program at one setting; seconds of each step."""

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


def time_training(
    setting: Setting, peers: Sequence[Peer], rounds: int, visit: int = 3, say: Callable[[str], None] = print
) -> list[Row]:
    """Build every program, then go round them `rounds` times, `visit` steps each time."""
    rate, rates = MatrixRate(), []
    with running(setting, peers, say) as processes:
        rows = [Row(p.name, p.about.get("versions", {}), p.about.get("build"), p.missing) for p in processes]
        for done in range(rounds):
            say(f"round {done + 1} of {rounds} ...")
            rates.append(rate.measure())
            for process, row in zip(processes, rows, strict=True):
                row.steps += [] if process.missing else process.visit(visit)
                row.missing = process.missing
    summarise(rows, setting, statistics.median(rates), visit)
    return rows


@contextmanager
def running(setting: Setting, peers: Sequence[Peer], say: Callable[[str], None]) -> Iterator[list[Process]]:
    """A process for each peer, ended whatever happens."""
    sizes = asdict(setting)
    request = sizes.pop("model") | sizes
    processes: list[Process] = []
    try:
        for peer in peers:
            say(f"building {peer.name} ...")
            processes.append(Process(peer, request))
        yield processes
    finally:
        for process in processes:
            process.close()


def summarise(rows: Sequence[Row], setting: Setting, rate: float, visit: int) -> None:
    """Fill in what the steps say together."""
    ours = next((row for row in rows if row.program == OURS and row.steps), None)
    work = least_operations(setting)
    for row in (row for row in rows if row.steps):
        row.matrix_rate = work / row.median / rate
        if ours:
            row.ratio = statistics.median(
                theirs / own for theirs, own in zip(by_round(row, visit), by_round(ours, visit), strict=False)
            )


def by_round(row: Row, visit: int) -> list[float]:
    """The median step of each round."""
    return [statistics.median(row.steps[i : i + visit]) for i in range(0, len(row.steps), visit)]


def least_operations(setting: Setting) -> int:
    """Floating-point operations of the products in a step that no program can do without.

    Each product is made once forward and twice backward. The first layer's is of a table with a row a character,
    not of every place in the text: a program that multiplies every place does more than is counted here.
    """
    model, places = setting.model, setting.seq_length * setting.batch_size
    hidden, embed = model.hidden_size, model.embed_size
    gates = CharLM.build(model, setting.vocab_size).cell.gates * hidden
    table = setting.vocab_size * (embed or 1) * gates
    layers = model.num_layers * hidden * gates + (model.num_layers - 1) * hidden * gates
    return 3 * 2 * (table + places * (layers + hidden * setting.vocab_size))
