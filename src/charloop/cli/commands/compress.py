"""charloop compress: a file, smaller by what a trained network knows of its text."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

import tyro

from charloop.cli.flags.dynamic import LearningNetworkFlags, check_learning
from charloop.cli.flags.mixing import TunedMixFlags, check_mixing, load_runs
from charloop.cli.flags.parsing import Switch, argument, given_flags, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.progress import showing_progress
from charloop.config import DynamicConfig
from charloop.errors import CharloopError
from charloop.files.atomic import Write
from charloop.files.output import check_output, would_overwrite, write_output
from charloop.wording import number_of

if TYPE_CHECKING:
    from charloop.compression.encoding import Compressed
    from charloop.compression.predicting import Method
    from charloop.trained import TrainedModel

FLAG, STANDARD = "--output", "-"
SUFFIX = ".clz"


@dataclass(frozen=True)
class CompressFlags:
    """Compress a file with a trained network.

    charloop decompress gives it back byte for byte: on this machine only.

    Texts like those that the network was trained on become smallest.
    """

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """The folder of a run, or RUN+RUN; with --from-scratch, the file to compress."""
    file: Annotated[
        tyro.conf.Positional[str | None], argument("FILE", default="none with --from-scratch")
    ] = None
    """The file to compress, or - for standard input."""
    output: Annotated[str | None, argument("OUTPUT", "-o", default="FILE.clz")] = None
    """The file to write, or - for standard output."""
    overwrite: Switch = False
    """Replace the file of --output if it exists."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""
    from_scratch: Switch = False
    """Without a run: a small network learns the file from nothing while it codes."""
    learning: LearningNetworkFlags = field(default_factory=LearningNetworkFlags)
    mixing: TunedMixFlags = field(default_factory=TunedMixFlags)


def main(arguments: Sequence[str]) -> None:
    """Compress a file."""
    flags = name_file(parse(CompressFlags, "compress", arguments), given_flags(arguments))
    assert flags.file is not None
    target = flags.output or (STANDARD if flags.file == STANDARD else flags.file + SUFFIX)
    with open_input(flags.file) as source:
        check_target(target, flags.file, overwrite=flags.overwrite)
        method, notes = find_method(flags)
        from charloop.compression import compress

        results: list[Compressed] = []

        def write(file: BinaryIO) -> None:
            size = os.fstat(source.fileno()).st_size
            with showing_progress() as listener:
                results.append(compress(method, source, file, notes=notes, size=size, listener=listener))

        deliver(target, write, overwrite=flags.overwrite)
    print_sizes(results[0], target)


def print_sizes(found: "Compressed", target: str) -> None:
    """Print what came of a file; on standard error if the compressed file is on standard output."""
    share = f", {8 * found.size / found.original:.3f} bits per byte" if found.original else ""
    stream = sys.stderr if target == STANDARD else sys.stdout
    lines = [f"compressed  {number_of(found.original, 'byte')} to {found.size:,}{share}: {target}"]
    if found.unknown:
        are = "is" if found.unknown == 1 else "are"
        count = number_of(found.unknown, "byte")
        lines.append(f"note        {count} of these {are} what the network does not know, compressed by LZMA")
    if found.size > found.original:
        lines.append("note        the file became larger: it is too short, or the network predicts it badly")
    print("\n".join(lines), file=stream)


def name_file(flags: CompressFlags, given: set[str]) -> CompressFlags:
    """Return the flags with the file where it belongs. Raises CharloopError for flags that do not go together."""
    check_mixing(Path(flags.run), given, "dynamic")
    check_learning("--dynamic", given - {"tune"}, flags.learning.dynamic)
    if not flags.from_scratch:
        if flags.file is None:
            raise CharloopError("FILE is missing", do="charloop compress RUN FILE, or --from-scratch FILE")
        return flags
    for name in ("dynamic", "weights", "cell"):
        if name in given:
            raise CharloopError(f"--{name} needs a run, and --from-scratch has none", do="leave one out")
    if flags.file is not None:
        raise CharloopError("--from-scratch takes no run", got=flags.run, do="give the file alone")
    return replace(flags, file=flags.run)


def find_method(flags: CompressFlags) -> tuple["Method", dict[str, str]]:
    """Return how to predict the file, and what decompress needs to find the network again."""
    prepare_jax()
    from charloop.compression.coder import load_coders
    from charloop.compression.learning import ScratchConfig, predict_from_scratch

    load_coders()
    if flags.from_scratch:
        return predict_from_scratch(ScratchConfig()), {}
    config = DynamicConfig(**learning_values(flags.learning)) if flags.learning.dynamic else None
    network = load_runs(
        Path(flags.run), flags.mixing, tune=flags.mixing.tune, weights=flags.weights, cell=flags.cell
    )
    notes = {"run": flags.run, "weights": flags.weights}
    return make_method(network, config), notes | mix_notes(network)


def learning_values(learning: DynamicConfig) -> dict[str, Any]:
    """Return the settings of dynamic evaluation without the switches beside them."""
    return {one.name: getattr(learning, one.name) for one in fields(DynamicConfig)}


def mix_notes(network: "TrainedModel") -> dict[str, str]:
    """Return how several networks are mixed, as the flags of the mixture say it."""
    from charloop.trained.mixture import Mixture

    if not isinstance(network, Mixture):
        return {}
    return {"mix": network.kind, "mix_weights": ",".join(map(repr, network.weights.tolist()))}


def make_method(network: "TrainedModel", config: DynamicConfig | None) -> "Method":
    """Return the method of a network, or of a mixture, which learns if there is a `config`."""
    from charloop.compression.learning import predict_dynamically
    from charloop.compression.predicting import predict_statically
    from charloop.trained.adapting import find_gradients

    if config is None:
        method = predict_statically(network)
        return replace(method, facts=method.facts | mix_notes(network))
    with showing_progress() as listener:
        return predict_dynamically(network, find_gradients(network, config.dynamic_segment, listener), config)


def check_target(target: str, source: str, *, overwrite: bool) -> None:
    """Raise CharloopError for an output that cannot be written, or that is the file which is read."""
    if target != STANDARD:
        if (
            source != STANDARD
            and os.path.exists(target)
            and os.path.exists(source)
            and os.path.samefile(target, source)
        ):
            raise CharloopError(FLAG, got=target, allowed="another file than the one that is read")
        check_output(FLAG, target, overwrite=overwrite, allowed="a file or -")


@contextlib.contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for -. Raises CharloopError for what cannot be read."""
    if path == STANDARD:
        # Not its buffer: a test's has no descriptor.
        yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 - an error in the block is not one of opening
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CharloopError(f"cannot read {path} ({reason})", do="name a file") from None
    with file:
        yield file


def deliver(target: str, write: Write, *, overwrite: bool) -> None:
    """Write a file whole or not at all; standard output and pipes receive it once it is complete."""
    path = Path(target)
    if target != STANDARD and (not path.exists() or would_overwrite(path)):
        write_output(FLAG, target, write, overwrite=overwrite)
        return
    with tempfile.TemporaryFile() as spool:
        write(spool)
        spool.seek(0)
        if target == STANDARD:
            copyfileobj(spool, sys.stdout.buffer)
        else:
            write_output(FLAG, target, lambda file: copyfileobj(spool, file), overwrite=overwrite)
