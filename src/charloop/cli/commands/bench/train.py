"""charloop bench train: a training step, beside what other libraries need for the same."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from charloop.cli.commands.bench.figures import choose, new_file, save
from charloop.cli.commands.bench.settings import SettingFlags, sizes
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.cli.terminal.progress import progress
from charloop.config import Count


@dataclass(frozen=True)
class TrainFlags(SettingFlags):
    """Time whole training steps, charloop's beside other libraries', in turn.

    A step is all of it: embedding, layers, readout, loss, gradient, clip, Adam.
    """

    against: Annotated[tuple[str, ...], tyro.conf.arg(help_behavior_hint="(default: all)")] = ()
    """Peers to time, by the name of their folder; bfloat16 and lstm: charloop in that precision, with that cell."""
    peers: str = "bench/peers"
    """Folder of the peers."""
    rounds: Count = 5
    """Times each program is visited, eight steps a visit."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), help_behavior_hint="(default: bench-train-DATE-TIME.json)")
    ] = ""
    """New file for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Time, print each table as soon as it is there, and write down everything."""
    flags = check_ranges(parse(TrainFlags, "bench train", arguments))
    from charloop.benchmark import own, own_bfloat16, own_lstm
    from charloop.benchmark.machine import machine
    from charloop.benchmark.peers import Peer, find_peers
    from charloop.benchmark.training import time_training
    from charloop.cli.commands.bench.table import print_machine, print_rows, written

    chosen, file = sizes(flags), new_file(flags.output, "train")
    ours, *others = find_peers(Path(flags.peers), "peer", own.__file__)
    twins = {"bfloat16": own_bfloat16, "lstm": own_lstm}
    own_peers = [Peer(name, Path(str(twin.__file__)), ours.python) for name, twin in twins.items()]
    peers = choose([ours, *own_peers, *others], flags.against, flags.peers)
    found: dict[str, Any] = {"machine": machine(), "results": []}
    # Before the first minute of timing: a place that cannot be written is told of at once.
    save(file, found)
    print_machine(found["machine"])
    if not others:
        print(f"charloop alone: there are no peers in {flags.peers} (a checkout of charloop has them)")
    for name, setting in chosen:
        rows = time_training(setting, peers, flags.rounds, say=progress)
        progress()
        print_rows(name, setting, rows)
        found["results"].append({"name": name, "setting": asdict(setting), "rows": [*map(written, rows)]})
        save(file, found)
    print(f"\nevery figure: {file}")
