"""charloop import-torch: a network trained in PyTorch as a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from charloop.cli.flags.parsing import argument, check_ranges, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import print_lines, visible
from charloop.errors import CharloopError


@dataclass(frozen=True)
class ImportTorchFlags:
    """Make a run of a network trained in PyTorch: embedding, LSTM, GRU or RNN, Linear."""

    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FILE")]
    """Its state dict: a safetensors file, or with PyTorch installed, what torch.save wrote."""
    vocabulary: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """Its characters in the order of their ids: a list in JSON, an object from characters to ids, the vocabulary.json
    of a run, or the characters alone as text."""
    output: Annotated[Path, argument("RUN", "-o")]
    """The folder to write."""
    map: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="PART=X")] = ()
    """Name a tensor that its shape does not tell: embedding=X, readout=X or bias=X (of the readout), or with rnn=X
    what stands before weight_ih_l0. May be given several times."""


def main(arguments: Sequence[str]) -> None:
    """Write the run, and print what it is."""
    flags = check_ranges(parse(ImportTorchFlags, "import-torch", arguments))
    for entry in flags.map:
        if not all(entry.partition("=")[::2]):
            raise CharloopError("--map", got=entry, allowed="PART=NAME, as in embedding=encoder.weight")
    names = {part: name for part, _, name in (entry.partition("=") for entry in flags.map)}
    prepare_jax()
    from charloop.trained.torch_import import import_torch
    from charloop.wording import describe_model

    network = import_torch(flags.file, flags.vocabulary, names)
    network.save(flags.output)
    size = sum(value.size for value in network.params.values())
    described = f"{describe_model(network.model.config)}, {network.vocabulary.size:,} characters"
    rows = [f"wrote       {flags.output}", f"network     {described}, {size:,} parameters"]
    rows += [f"note        {note}" for note in network.notes]
    print_lines(map(visible, [*rows, f"next        charloop sample {flags.output}"]))
