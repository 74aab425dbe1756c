"""charloop bench train: a training step, beside what other libraries need for the same."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from msgspec import Meta

from charloop.cli.arguments import check_ranges, parse
from charloop.cli.bench_figures import choose, new_file, progress, save
from charloop.config import Count
from charloop.errors import unknown_name

if TYPE_CHECKING:
    from charloop.benchmark.unrolling import Setting


OF_SETTING = tyro.conf.arg(help_behavior_hint="(default: the setting's)")


@dataclass(frozen=True)
class TrainFlags:
    """Time whole training steps, charloop's beside other libraries', in turn.

    A step is all of it: embedding, layers, readout, loss, gradient, clip, Adam.
    """

    settings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("S1", "S2", "S3", "S4")
    """Sizes. S1: 3 x 100, batch 32, 200 characters a step; S2: 1 x 512, 50, 80; S3: 2 x 128, 50, 50; S4: 2 x 512, 64,
    100."""
    cells: Annotated[tuple[str, ...], Meta(min_length=1)] = ("lstm", "gru", "rnn", "ln-lstm")
    """Cells, by name or FILE.py:CLASS."""
    seq_length: Annotated[tuple[Count, ...], OF_SETTING] = ()
    """Characters a step; several make a sweep."""
    hidden_size: Annotated[tuple[Count, ...], OF_SETTING] = ()
    """Units a layer; several make a sweep."""
    against: Annotated[tuple[str, ...], tyro.conf.arg(help_behavior_hint="(default: all)")] = ()
    """Peers to time, by the name of their folder."""
    peers: str = "bench/peers"
    """Folder of the peers."""
    rounds: Count = 10
    """Times each program is visited, three steps a visit."""
    out: Annotated[str, tyro.conf.arg(help_behavior_hint="(default: bench-train-DATE-TIME.json)")] = ""
    """New file for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Time, print each table as soon as it is there, and write down everything."""
    flags = check_ranges(parse(TrainFlags, "bench train", arguments))
    from charloop.benchmark import own
    from charloop.benchmark.machine import machine
    from charloop.benchmark.peers import find_peers
    from charloop.benchmark.training import time_training
    from charloop.cli.bench_table import print_machine, print_rows, written

    chosen, file = sizes(flags), new_file(flags.out, "train")
    found_peers = find_peers(Path(flags.peers), "peer.py", own.__file__)
    peers = choose(found_peers, flags.against, flags.peers)
    found: dict[str, Any] = {"machine": machine(), "results": []}
    # Before the first minute of timing: a place that cannot be written is told of at once.
    save(file, found)
    print_machine(found["machine"])
    if len(peers) == 1:
        print(f"charloop alone: there are no peers in {flags.peers} (a checkout of charloop has them)")
    for name, setting in chosen:
        rows = time_training(setting, peers, flags.rounds, say=progress)
        progress()
        print_rows(name, setting, rows)
        found["results"].append({"name": name, "setting": asdict(setting), "rows": [*map(written, rows)]})
        save(file, found)
    print(f"\nevery figure: {file}")


def sizes(flags: TrainFlags) -> "list[tuple[str, Setting]]":
    """Every cell at every setting, length and width."""
    from charloop.benchmark.training import SETTINGS
    from charloop.cells import CELLS, make_cell

    for name in flags.settings:
        if name not in SETTINGS:
            raise unknown_name("setting", name, SETTINGS)
    for cell in flags.cells:
        make_cell(CELLS, cell, 1)
    chosen = []
    for name, cell in itertools.product(flags.settings, flags.cells):
        setting = SETTINGS[name]
        lengths = flags.seq_length or (setting.seq_length,)
        for length, hidden in itertools.product(lengths, flags.hidden_size or (setting.model.hidden_size,)):
            model = replace(setting.model, cell=cell, hidden_size=hidden, embed_size=hidden)
            chosen.append((name, replace(setting, model=model, seq_length=length)))
    return chosen
