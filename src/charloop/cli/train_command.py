"""charloop train: any text in, a trained network."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated

import tyro

from charloop.cli.arguments import given_flags, parse
from charloop.config import DataConfig, Fraction, ModelConfig, RunConfig, TrainingConfig
from charloop.configfile import LIMITS, read_config, validate
from charloop.errors import CharloopError
from charloop.presets import find_preset

DEFAULT_PRESET = "fast"
SHOWN = 400
"""Characters of each sample at the end."""
FREE_ON_RESUME = {
    *LIMITS,
    "patience",
    "eval_every",
    "sample_every",
    "save_every",
    "devices",
    "corpus",
    "cell",
}
"""What may change between two sittings of a run without changing what it learns from what."""


@dataclass(frozen=True)
class DataFlags(DataConfig):
    """The text."""

    corpus: tyro.conf.Positional[tuple[str, ...]] = ()
    """Files, folders, globs, - for standard input, or named corpora (see charloop corpora)."""


@dataclass(frozen=True)
class TrainFlags:
    """Train a network on any text.

    Settings come from the preset, then from --config, then from the flags.
    """

    data: DataFlags = field(default_factory=DataFlags)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    dropout: Fraction | None = None
    """Share of outputs dropped between layers and before the readout: sets dropout-between and dropout-output."""
    preset: str = DEFAULT_PRESET
    """Settings to begin with (see charloop presets)."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A TOML file with [data], [model], [training], or the config.json of a run."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FOLDER")] = None
    """Where the run is kept; a name under runs/ if left out."""
    overwrite: bool = False
    """If there is a run in --out, set it aside under another name and begin a new one."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Go on with this run where it was last saved; a longer budget may be given."""
    init_from: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Begin with this run's weights and vocabulary, and a fresh optimiser."""


def main(arguments: Sequence[str]) -> None:
    """Parse, then train or go on training, on the screen."""
    given = given_flags(arguments)
    first = parse(TrainFlags, "train", arguments)
    if first.resume:
        resume_run(first, arguments, given)
    else:
        start_run(first, arguments, given)


def start_run(first: TrainFlags, arguments: Sequence[str], given: set[str]) -> None:
    """Train into a new folder."""
    base = find_preset(first.preset)
    base = read_config(first.config, base) if first.config else base
    flags = parse(TrainFlags, "train", arguments, layered(base, first, given))
    config = validate(settings(flags, given))
    if not config.data.corpus:
        raise CharloopError(
            "no text to train on", do="give a file, a folder or a corpus: charloop train shakespeare"
        )

    from charloop.devices import offer_cores

    offer_cores()
    from charloop.cli.screen import TrainingScreen
    from charloop.training.run import train

    with TrainingScreen() as screen:
        folder = train(
            config, flags.out, init_from=flags.init_from, overwrite=flags.overwrite, listener=screen
        )
    show_samples(folder, config)


def resume_run(first: TrainFlags, arguments: Sequence[str], given: set[str]) -> None:
    """Go on in the same folder."""
    assert first.resume is not None
    for name in ("out", "init_from", "config", "preset", "overwrite"):
        if name in given:
            raise CharloopError(
                f"--{name.replace('_', '-')} and --resume do not go together", do="leave one out"
            )

    from charloop.devices import offer_cores

    offer_cores()
    from charloop.checkpoint import RunFolder
    from charloop.cli.screen import TrainingScreen
    from charloop.training.run import resume

    cell = first.model.cell if "cell" in given else None
    stored = RunFolder.open(first.resume, cell=cell).config
    flags = parse(TrainFlags, "train", arguments, layered(stored, first, given))
    config = validate(settings(flags, given))
    refuse_changes(stored, config)
    with TrainingScreen() as screen:
        resume(first.resume, config, cell=cell, listener=screen)
    show_samples(first.resume, config)


def show_samples(folder: Path, config: RunConfig) -> None:
    """What the best weights write, and what to do next."""
    from charloop.cells import is_file_cell
    from charloop.trained import load
    from charloop.training.loop import TEMPERATURES

    cell = config.model.cell if is_file_cell(config.model.cell) else None
    network = load(folder, cell=cell)
    for temperature in TEMPERATURES:
        print(f"\n--- temperature {temperature} ---")
        print(network.sample(length=SHOWN, temperature=temperature)[0].strip("\n"))
    extra = f" --cell {cell}" if cell else ""
    print(f"\nmore: charloop sample {folder}{extra} --length 1000 --temperature 0.8")


def layered(base: RunConfig, first: TrainFlags, given: set[str]) -> TrainFlags:
    """`base` as the flags' defaults; a budget given as a flag replaces the whole of its budget."""
    training = base.training
    if given & LIMITS:
        training = replace(training, epochs=None, steps=None, minutes=None)
    return replace(first, data=DataFlags(**asdict(base.data)), model=base.model, training=training)


def settings(flags: TrainFlags, given: set[str]) -> RunConfig:
    """The configuration that the flags describe."""
    model = flags.model
    if flags.dropout is not None and "dropout_between" not in given:
        model = replace(model, dropout_between=flags.dropout)
    if flags.dropout is not None and "dropout_output" not in given:
        model = replace(model, dropout_output=flags.dropout)
    return RunConfig(DataConfig(**asdict(flags.data)), model, flags.training)


def refuse_changes(stored: RunConfig, asked: RunConfig) -> None:
    """Raises CharloopError if `asked` would make another run of it."""
    for section in ("data", "model", "training"):
        before, after = getattr(stored, section), getattr(asked, section)
        for f in fields(before):
            old, new = getattr(before, f.name), getattr(after, f.name)
            if old != new and f.name not in FREE_ON_RESUME:
                raise CharloopError(
                    f"{f.name.replace('_', '-')} cannot change in the middle of a run",
                    got=new,
                    allowed=str(old),
                    do="start a new run with --init-from",
                )
