"""charloop bench train: a training step, beside what other libraries need for the same."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from msgspec import Meta

from charloop.cli.arguments import check_ranges, parse
from charloop.config import Count
from charloop.errors import unknown_name

if TYPE_CHECKING:
    from charloop.benchmark.peers import Peer
    from charloop.benchmark.training import Row
    from charloop.benchmark.unrolling import Setting

COLUMNS = ("", "to first step", "step, median", "middle half", "to charloop", "of matrix rate")

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
    out: str = "bench-train.json"
    """File for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Time, print each table as soon as it is there, and write down everything."""
    flags = check_ranges(parse(TrainFlags, "bench train", arguments))
    from charloop.benchmark.machine import machine
    from charloop.benchmark.training import time_training

    chosen, peers, about, results = sizes(flags), choose(flags), machine(), []
    print(f"{about['processor']}, {about['cores']} cores, jax {about['jax']}, python {about['python']}")
    for name, setting in chosen:
        rows = time_training(setting, peers, flags.rounds, say=progress)
        print_rows(name, setting, rows)
        results.append({"name": name, "setting": asdict(setting), "rows": [written(row) for row in rows]})
        Path(flags.out).write_text(
            json.dumps({"machine": about, "results": results}, indent=1) + "\n", encoding="utf-8"
        )
    print(f"\nevery figure: {flags.out}")


def choose(flags: TrainFlags) -> "list[Peer]":
    """charloop, and the peers asked for."""
    from charloop.benchmark.peers import OURS, find_peers

    found = {peer.name: peer for peer in find_peers(Path(flags.peers))}
    for name in flags.against:
        if name not in found:
            raise unknown_name(f"peer in {flags.peers}", name, found)
    return [found[name] for name in (OURS, *(flags.against or [n for n in found if n != OURS]))]


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
    for name in flags.settings:
        for cell in flags.cells:
            setting = SETTINGS[name]
            for length in flags.seq_length or (setting.seq_length,):
                for hidden in flags.hidden_size or (setting.model.hidden_size,):
                    model = replace(setting.model, cell=cell, hidden_size=hidden, embed_size=hidden)
                    chosen.append((name, replace(setting, model=model, seq_length=length)))
    return chosen


def progress(text: str) -> None:
    """What is being done, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text} ...", end="\r", file=sys.stderr, flush=True)


def print_rows(name: str, setting: "Setting", rows: "Sequence[Row]") -> None:
    """One program a line."""
    from charloop.cli.wording import describe_model

    progress("")
    size = f"batch {setting.batch_size}, {setting.seq_length} characters a step"
    print(f"\n{name}: {describe_model(setting.model)}, {size}")
    lines = [COLUMNS, *(cells_of(row) for row in rows)]
    for first, *rest in lines:
        print(f"{first:13}" + "".join(f"{cell:>16}" for cell in rest).rstrip())


def cells_of(row: "Row") -> tuple[str, ...]:
    """A program's line."""
    if row.missing or not row.steps:
        return (f"{row.program:13} not measured: {row.missing}",)
    low, high = row.middle_half
    return (
        row.program,
        f"{row.build:.1f} s",
        f"{row.median * 1e3:.1f} ms",
        f"{low * 1e3:.1f}-{high * 1e3:.1f}",
        f"{row.ratio:.2f}x" if row.ratio else "",
        f"{row.matrix_rate:.0%}",
    )


def written(row: "Row") -> dict[str, Any]:
    """A program's entry in the file."""
    return asdict(row) | ({"median": row.median, "middle_half": row.middle_half} if row.steps else {})
