"""charloop bench memory: what a training step holds, beside what its backward pass has to be handed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import tyro
from msgspec import Meta

from charloop.cli.commands.bench.figures import new_file, save
from charloop.cli.commands.bench.settings import SettingFlags, sizes
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.cli.terminal.progress import progress


@dataclass(frozen=True)
class MemoryFlags(SettingFlags):
    """Compile training steps and read what memory they reserve. Nothing is timed.

    `needed`: gates and state of each layer, and the logits, for every character.
    """

    unrollings: Annotated[tuple[str, ...], Meta(min_length=1)] = ("scan", "fused")
    """Which to compile. static takes minutes."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), help_behavior_hint="(default: bench-memory-DATE-TIME.json)")
    ] = ""
    """New file for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Compile, print each table as soon as it is there, and write down everything."""
    flags = check_ranges(parse(MemoryFlags, "bench memory", arguments))
    from charloop.devices import use_all_cores
    from charloop.unroll import find_unrolling

    use_all_cores()
    from charloop.benchmark.machine import machine
    from charloop.benchmark.memory import measure_memory
    from charloop.cli.commands.bench.table import print_machine, print_memory

    for name in flags.unrollings:
        find_unrolling(name)
    chosen, file = sizes(flags), new_file(flags.output, "memory")
    found: dict[str, Any] = {"machine": machine(), "results": []}
    save(file, found)
    print_machine(found["machine"])
    for name, setting in chosen:
        progress("compiling ...")
        rows = measure_memory(setting, flags.unrollings)
        progress()
        print_memory(name, setting, rows)
        entries = [asdict(row) | {"ratio": row.ratio} for row in rows]
        found["results"].append({"name": name, "setting": asdict(setting), "rows": entries})
        save(file, found)
    print(f"\nevery figure: {file}")
