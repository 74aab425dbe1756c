"""charloop train: train a network on any text."""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from charloop.cli.exit_codes import INTERRUPTED
from charloop.cli.flags.parsing import given_flags
from charloop.cli.flags.training import (
    TrainFlags,
    find_base,
    kept_from_auto,
    make_config,
    parse_over,
    refuse_changes,
    refuse_other_network,
)
from charloop.cli.parts.train_rates import show_rates
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import visible
from charloop.config import ModelConfig, RunConfig
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.trained import TrainedModel

SHOWN = 400
"""Characters of each sample after training."""


def main(arguments: Sequence[str]) -> int:
    """Train a new run or resume one, with a screen. Return 0, or 130 if Ctrl-C ended and saved the run."""
    began = time.monotonic()
    given = given_flags(arguments)
    # Enough to know the preset, file or run whose settings the flags change.
    first = parse_over(TrainFlags, "train", None, arguments, set())
    if first.json and not first.find_learning_rate:
        raise CharloopError("--json needs --find-learning-rate", do="add it, or leave --json out")
    if first.resume:
        return resume_run(first, first.resume, arguments, given, began)
    return start_run(first, arguments, given, began)


def start_run(first: TrainFlags, arguments: Sequence[str], given: set[str], began: float) -> int:
    """Train a new run, whose minutes count from `began`."""
    donor = (
        find_donor(first.init_from, first.model.cell if "cell" in given else None)
        if first.init_from
        else None
    )
    base, named = find_base(first, donor)
    if first.config:
        refuse_unnamed_cell(first.config, base, given)
    flags = parse_over(TrainFlags, "train", base, arguments, given)
    config = make_config(flags, given)
    if not config.data.corpus:
        raise CharloopError(
            "no text to train on", do="give a file, a folder or a corpus: charloop train shakespeare"
        )
    if donor:
        refuse_other_network(donor, config.model)
    if flags.find_learning_rate and "learning_rate" in given:
        raise CharloopError("--find-learning-rate and --learning-rate do not go together", do="leave one out")
    kept = kept_from_auto(flags, named | given)
    prepare_jax()
    if flags.find_learning_rate:
        show_rates(config, flags.init_from, kept, arguments, as_json=flags.json)
        return 0
    from charloop.cli.terminal.training_screen import TrainingScreen
    from charloop.training.run import train

    with TrainingScreen() as screen:
        folder = train(
            config,
            flags.output,
            init_from=flags.init_from,
            kept=kept,
            overwrite=flags.overwrite,
            listener=screen,
            catch_signals=True,
            began=began,
        )
    return print_end(folder, config, interrupted=screen.interrupted)


def find_donor(run: Path, cell: str | None) -> ModelConfig:
    """Return the network of the run to start from; `cell` is the one that the user names."""
    prepare_jax()
    from charloop.cells import is_file_cell
    from charloop.checkpoint import RunFolder

    return RunFolder.open(run, cell=cell if cell and is_file_cell(cell) else None).config.model


def refuse_unnamed_cell(file: Path, base: RunConfig, given: set[str]) -> None:
    """Raise CharloopError if a run's config.json names code that the user does not name too."""
    from charloop.cells import is_file_cell

    cell = base.model.cell
    if file.suffix == ".json" and is_file_cell(cell) and "cell" not in given:
        raise CharloopError(
            f"{file} is of a run with a cell of its own, and a run's code is not executed unasked",
            do=f"read that code and add --cell {Path(cell).name}",
        )


def resume_run(first: TrainFlags, run: Path, arguments: Sequence[str], given: set[str], began: float) -> int:
    """Continue a run in its folder; the time of this invocation counts from `began`."""
    for name in ("output", "init_from", "config", "preset", "overwrite", "find_learning_rate"):
        if name in given:
            raise CharloopError(
                f"--{name.replace('_', '-')} and --resume do not go together", do="leave one out"
            )
    prepare_jax()
    from charloop.checkpoint import RunFolder
    from charloop.cli.terminal.training_screen import TrainingScreen
    from charloop.training.run import resume_folder

    folder = RunFolder.open(run, cell=first.model.cell if "cell" in given else None)
    config = make_config(parse_over(TrainFlags, "train", folder.config, arguments, given), given)
    refuse_changes(folder.config, config)
    with TrainingScreen() as screen:
        resume_folder(folder, config, listener=screen, catch_signals=True, until=1.0, began=began)
    return print_end(run, config, interrupted=screen.interrupted)


def print_end(folder: Path, config: RunConfig, *, interrupted: bool) -> int:
    """Print samples of the best weights, unless interrupted, and the command to give next."""
    from charloop.cells import is_file_cell
    from charloop.trained import load

    cell = config.model.cell if is_file_cell(config.model.cell) else None
    named = shlex.join([str(folder), *(["--cell", cell] if cell else [])])
    if interrupted:
        print(f"\nresume:  charloop train --resume {named}")
        return INTERRUPTED
    network = load(folder, cell=cell)
    show_samples(network)
    size = "--documents 20" if network.vocabulary.documents else "--length 1000"
    print(f"\nmore:    charloop sample {named} {size} --temperature 0.8")
    return 0


def show_samples(network: "TrainedModel") -> None:
    """Print what the network writes, at several temperatures."""
    from charloop.training.samples import TEMPERATURES, write_sample

    for temperature in TEMPERATURES:
        print(f"\n--- temperature {temperature} ---")
        try:
            text = write_sample(network, SHOWN, temperature=temperature)
        except CharloopError as error:
            # Training has succeeded and is saved.
            text = f"(no sample: {error})"
        print(visible(text.strip("\n")), flush=True)
