"""charloop push: a trained network on the Hugging Face hub."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from charloop.cli.flags.parsing import Switch, argument, check_ranges, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import print_lines, visible


@dataclass(frozen=True)
class PushFlags:
    """Put a trained network on the Hugging Face hub, with a card that says what it is."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""
    repo: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="USER/NAME")]
    """The repository on the hub; it is made if it is not there."""
    private: Switch = False
    """Make it a private one. One that exists stays as it is."""
    license: Annotated[str | None, argument("ID", default="none is named")] = None
    """The license of the weights as the hub names it, such as mit or cc-by-4.0."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""


def main(arguments: Sequence[str]) -> None:
    """Upload the network, and print its address."""
    flags = check_ranges(parse(PushFlags, "push", arguments))
    prepare_jax()
    from charloop.checkpoint import RunFolder
    from charloop.exporting.pushing import is_on_hub, open_hub, push
    from charloop.trained import load_trained_model

    open_hub(flags.repo)
    network = load_trained_model(RunFolder.open(flags.run, cell=flags.cell), weights=flags.weights)
    if is_on_hub(flags.repo):
        stays = "; --private does not change who may read it" if flags.private else ""
        print_lines(
            [f"note        {flags.repo} is there: a new commit replaces its files of the same names{stays}"]
        )
    address = push(network, flags.repo, private=flags.private, license=flags.license or "")
    print_lines(map(visible, [f"pushed      {address}", f"next        charloop sample hf:{flags.repo}"]))
