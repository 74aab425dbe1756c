"""The flags of `charloop train`, and how a preset, a file and flags make one configuration."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, TypeVar

import tyro

from charloop.auto.rule import RULE, with_settings
from charloop.cli.flags.chosen import marked
from charloop.cli.flags.parsing import Switch, argument, of_flag, parse
from charloop.config import (
    NETWORK,
    DataConfig,
    ExpertSettings,
    ModelConfig,
    RunConfig,
    TrainingConfig,
    TrainingSettings,
)
from charloop.config.ranges import Fraction
from charloop.configfile import LIMITS, changes, read_settings, validate
from charloop.errors import CharloopError
from charloop.presets import AUTO, find_preset

FREE_ON_RESUME = {
    *LIMITS,
    "patience",
    "max_skipped",
    "eval_every",
    "sample_every",
    "save_every",
    "keep_checkpoints",
    "log",
    "devices",
    "corpus",
    "cell",
}
"""Settings that may change when a run is resumed: none of them changes what the run learns."""
ADDED_ON_RESUME = {"average_decay", "average_after"}
"""Settings that a resumed run may be given if it was without them."""


@dataclass(frozen=True)
class DataFlags(DataConfig):
    """The text."""

    corpus: Annotated[tyro.conf.Positional[tuple[str, ...]], argument("TEXT ...")] = ()
    """Files, folders, globs, - for standard input, or named corpora (see charloop corpora)."""


@dataclass(frozen=True)
class ModelFlags(ModelConfig):
    """The network."""

    # Once a flag, so that a text may follow: --cell-options reset_after=false book.txt
    cell_options: Annotated[
        tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE")
    ] = ()
    """An option of the cell, e.g. reset_after=false for gru."""


@dataclass(frozen=True)
class TrainingFlags(TrainingSettings):
    """Optimizer, learning rate, limits, and what is reported during training."""

    log: Annotated[tuple[str, ...], argument("NAME ...")] = ()
    """Loggers to report to: tensorboard (files in RUN/tensorboard), wandb (Weights & Biases). --resume remembers
    them."""


@dataclass(frozen=True)
class SettingFlags:
    """Where the settings of a run come from: a preset, a file, flags."""

    data: DataFlags = field(default_factory=DataFlags)
    model: ModelConfig = field(default_factory=ModelFlags)
    training: TrainingSettings = field(default_factory=TrainingFlags)
    expert: ExpertSettings = field(default_factory=ExpertSettings)
    dropout: Fraction | None = None
    """Dropout rate between layers and before the readout, from 0 to below 1: sets dropout-between and
    dropout-output."""
    preset: str = "fast"
    """Preset: settings to begin with (see charloop presets)."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A TOML file with the sections [data], [model] and [training], or the config.json of a run."""


@dataclass(frozen=True)
class TrainFlags(SettingFlags):
    """Train a network on any text.

    Settings come from the preset, then from --config, then from the flags.

    The preset auto chooses the settings with the default auto, for the text,

    the time and this machine's speed; with --steps or --epochs, for 3 minutes.

    Ctrl-C saves a checkpoint and ends with status 130; --resume continues.
    """

    model: ModelFlags = field(default_factory=ModelFlags)
    preset: str = AUTO
    """Preset: settings to begin with (see charloop presets)."""
    output: Annotated[Path | None, argument("FOLDER", "-o", default="a new name under runs/")] = None
    """Folder for the run."""
    overwrite: Switch = False
    """If --output holds a run, rename it and start a new one."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Continue this run from its last checkpoint; a longer budget may be given."""
    init_from: Annotated[Path | None, tyro.conf.arg(metavar="RUN")] = None
    """Start a new run with the weights of this run, and a new optimizer state. Cell, sizes, unit, min-count and
    documents are that run's; new characters of TEXT join its vocabulary."""
    find_learning_rate: Switch = False
    """Find a learning rate instead of training: make up to 200 updates while the rate rises (Smith 2017), print the
    losses, a rate, and the command that trains with it. No run is made."""
    json: Switch = False
    """Print the result of --find-learning-rate as one JSON object."""


Flags = TypeVar("Flags", bound=SettingFlags)


def parse_over(
    kind: type[Flags], name: str, base: RunConfig | None, arguments: Sequence[str], given: set[str]
) -> Flags:
    """Return the flags of `charloop NAME`, with `base` as their defaults; None: the default preset, as help shows it.

    A budget among the flags that are `given` replaces all limits of `base`.
    """
    flags = kind()
    if base is None:
        base = begin_with(flags.preset)
        base = marked(base) if flags.preset == AUTO else base
    training = asdict(base.training)
    if given & LIMITS:
        training |= dict.fromkeys(LIMITS)
    expert = {f.name: training.pop(f.name) for f in fields(ExpertSettings)}
    defaults = replace(
        flags,
        data=type(flags.data)(**asdict(base.data)),
        model=type(flags.model)(**asdict(base.model)),
        training=type(flags.training)(**training),
        expert=ExpertSettings(**expert),
    )
    return parse(kind, name, arguments, defaults)


def begin_with(preset: str) -> RunConfig:
    """Return the settings that a preset begins with; auto chooses the others later."""
    return with_settings(RunConfig(), {"minutes": RULE.minutes}) if preset == AUTO else find_preset(preset)


def find_base(flags: SettingFlags, donor: ModelConfig | None = None) -> tuple[RunConfig, set[str]]:
    """Return the configuration under the flags: the preset, with the network of a `donor`, then the file, on top.

    Also the names of the settings that the file sets.
    """
    base = begin_with(flags.preset)
    if donor:
        base = replace(base, model=replace(base.model, **{name: getattr(donor, name) for name in NETWORK}))
    return read_settings(flags.config, base) if flags.config else (base, set())


def kept_from_auto(flags: SettingFlags, named: set[str]) -> set[str] | None:
    """Return the settings that the preset auto does not choose, as they are `named`; None for another preset."""
    pair = {"dropout_between", "dropout_output"} if flags.dropout is not None else set()
    return named | pair if flags.preset == AUTO else None


def make_config(flags: SettingFlags, given: set[str]) -> RunConfig:
    """Return the configuration that the flags describe. Raises CharloopError for a value out of its range."""
    model = ModelConfig(**asdict(flags.model))
    model = replace(model, cell_options=tuple(dict.fromkeys(model.cell_options)))
    if flags.dropout is not None and "dropout_between" not in given:
        model = replace(model, dropout_between=flags.dropout)
    if flags.dropout is not None and "dropout_output" not in given:
        model = replace(model, dropout_output=flags.dropout)
    training = TrainingConfig(**asdict(flags.training), **asdict(flags.expert))
    try:
        return validate(RunConfig(DataConfig(**asdict(flags.data)), model, training))
    except CharloopError as error:
        raise of_flag(error) from None


def refuse_other_network(donor: ModelConfig, asked: ModelConfig) -> None:
    """Raise CharloopError if `asked` is not the network whose weights are to be taken."""
    for name in NETWORK:
        own, got = getattr(donor, name), getattr(asked, name)
        if got != own:
            raise CharloopError(
                f"--init-from: --{name.replace('_', '-')} is not the same in both networks",
                got=got,
                allowed=f"{own}, that run's own",
                do="leave it out: cell and sizes come from that run",
            )


def refuse_changes(stored: RunConfig, asked: RunConfig) -> None:
    """Raise CharloopError if `asked` changes a setting that must stay as it is in a run."""
    for name, old, new in changes(stored, asked):
        if name not in FREE_ON_RESUME and (old or name not in ADDED_ON_RESUME):
            raise CharloopError(
                f"--{name.replace('_', '-')} cannot change in the middle of a run",
                got=new,
                allowed=str(old),
                do="start a new run with --init-from",
            )
