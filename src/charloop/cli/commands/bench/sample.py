"""charloop bench sample: writing text, one stream and many, beside other libraries."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro
from msgspec import Meta

from charloop.cli.commands.bench.figures import choose, new_file, save
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.cli.terminal.progress import progress
from charloop.config import Count
from charloop.errors import unknown_name

if TYPE_CHECKING:
    from charloop.benchmark.sampling import Writing


@dataclass(frozen=True)
class SampleFlags:
    """Time the writing of text, charloop's beside other libraries', in turn.

    Every filter is on: temperature 0.8, top-k 40, top-p 0.95, min-p 0.01.

    charloop streams a single text, piece by piece.
    """

    networks: Annotated[tuple[str, ...], Meta(min_length=1)] = ("2x128", "1x512")
    """Sizes: layers x units."""
    cells: Annotated[tuple[str, ...], Meta(min_length=1)] = ("lstm",)
    """Cells, by name or FILE.py:CLASS."""
    num_samples: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1, 64)
    """Texts at once."""
    length: Count = 5000
    """Characters of each text."""
    against: Annotated[tuple[str, ...], tyro.conf.arg(help_behavior_hint="(default: all)")] = ()
    """Peers to time, by the name of their folder."""
    peers: str = "bench/peers"
    """Folder of the peers."""
    rounds: Count = 7
    """Times each program writes."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), help_behavior_hint="(default: bench-sample-DATE-TIME.json)")
    ] = ""
    """New file for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Time, print each table as soon as it is there, and write down everything."""
    flags = check_ranges(parse(SampleFlags, "bench sample", arguments))
    from charloop.benchmark import own_sampling
    from charloop.benchmark.machine import machine
    from charloop.benchmark.peers import find_peers
    from charloop.benchmark.sampling import time_sampling
    from charloop.cli.commands.bench.table import print_machine, print_writers, written

    chosen, file = sizes(flags), new_file(flags.output, "sample")
    found_peers = find_peers(Path(flags.peers), "sample", own_sampling.__file__)
    peers = choose(found_peers, flags.against, flags.peers)
    found: dict[str, Any] = {"machine": machine(), "filters": own_sampling.FILTERS, "results": []}
    # Before the first minute of timing: a place that cannot be written is told of at once.
    save(file, found)
    print_machine(found["machine"])
    for writing in chosen:
        rows = time_sampling(writing, peers, flags.rounds, say=progress)
        progress()
        print_writers(writing, rows)
        found["results"].append({"setting": asdict(writing), "rows": [*map(written, rows)]})
        save(file, found)
    print(f"\nevery figure: {file}")


def sizes(flags: SampleFlags) -> "list[Writing]":
    """Every cell in every network, in every number of texts."""
    from charloop.benchmark.sampling import NETWORKS, Writing
    from charloop.cells import CELLS, make_cell

    for name in flags.networks:
        if name not in NETWORKS:
            raise unknown_name("network", name, NETWORKS)
    for cell in flags.cells:
        make_cell(CELLS, cell, 1)
    return [
        Writing(replace(NETWORKS[name], cell=cell), number, flags.length)
        for name, cell, number in itertools.product(flags.networks, flags.cells, flags.num_samples)
    ]
