"""charloop decompress: the file that was compressed, byte for byte."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import tyro

from charloop.cli.commands.compress import (
    FLAG,
    STANDARD,
    SUFFIX,
    check_target,
    deliver,
    make_method,
    open_input,
)
from charloop.cli.flags.mixing import MixFlags, load_runs, split_runs
from charloop.cli.flags.parsing import Switch, argument, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.progress import showing_progress
from charloop.config import DynamicConfig
from charloop.errors import CharloopError
from charloop.wording import number_of

if TYPE_CHECKING:
    from charloop.compression.predicting import Method


@dataclass(frozen=True)
class DecompressFlags:
    """Give back a file that charloop compress has compressed, byte for byte.

    It needs the same network, machine and libraries: elsewhere it writes nothing.
    """

    file: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE")]
    """The compressed file, or - for standard input."""
    run: Annotated[
        tyro.conf.Positional[Path | None], argument("[RUN]", default="as when it was compressed")
    ] = None
    """The folder of the run that it was compressed with, or RUN+RUN."""
    output: Annotated[str | None, argument("FILE", "-o", default="FILE without .clz")] = None
    """The file to write, or - for standard output."""
    overwrite: Switch = False
    """Replace the file of --output if it exists."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="CELL")] = None
    """FILE.py:CLASS: the code of the cell, for a run with a cell of its own."""


def main(arguments: Sequence[str]) -> None:
    """Decompress a file."""
    flags = parse(DecompressFlags, "decompress", arguments)
    name = "standard input" if flags.file == STANDARD else flags.file
    with open_input(flags.file) as source:
        target = flags.output or find_target(flags.file)
        check_target(target, flags.file, overwrite=flags.overwrite)
        from charloop.compression.container import Reader

        reader = Reader(source, name)
        header = reader.header()
        method = find_method(flags, header, name)
        from charloop.compression import decompress

        sizes: list[int] = []

        def write(file: BinaryIO) -> None:
            with showing_progress() as listener:
                sizes.append(decompress(method, reader, header, file, name=name, listener=listener))

        deliver(target, write, overwrite=flags.overwrite)
    print(
        f"decompressed  {number_of(sizes[0], 'byte')}: {target}",
        file=sys.stderr if target == STANDARD else sys.stdout,
    )


def find_method(flags: DecompressFlags, header: dict[str, Any], name: str) -> "Method":
    """Return how the file was predicted. Raises CharloopError without its run, or for a run without need."""
    prepare_jax()
    from charloop.compression.coder import load_coders
    from charloop.compression.learning import ScratchConfig, predict_from_scratch
    from charloop.trained.several import NGRAM

    load_coders()
    notes, facts = header["notes"], header["facts"]
    if "scratch" in facts:
        if flags.run is not None:
            raise CharloopError(f"{name} was compressed from scratch", got=str(flags.run), do="name no run")
        return predict_from_scratch(ScratchConfig(**facts["scratch"]))
    run = flags.run or Path(notes["run"])
    if flags.run is None and not all(Path(name).is_dir() or name == NGRAM for name in split_runs(str(run))):
        raise CharloopError(
            f"{name} was compressed with the run {run}, which is not there",
            do=f"name it: charloop decompress {flags.file} RUN",
        )
    config = DynamicConfig(**facts["dynamic"]) if "dynamic" in facts else None
    mixing = MixFlags(notes.get("mix", "logit"), notes.get("mix_weights"))
    return make_method(load_runs(run, mixing, weights=notes["weights"], cell=flags.cell), config)


def find_target(path: str) -> str:
    """Return the name without .clz, or - for standard input. Raises CharloopError for another name."""
    if path == STANDARD:
        return STANDARD
    if not path.endswith(SUFFIX) or path == SUFFIX:
        raise CharloopError(f"{FLAG} is missing: {path} does not end in {SUFFIX}", do=f"add {FLAG} FILE")
    return path.removesuffix(SUFFIX)
