"""The flags of `charloop compare`, in its two ways: runs that there are, and cells that are trained first."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from charloop.cli.flags.parsing import Switch
from charloop.cli.flags.training import ModelFlags, SettingFlags, TrainingFlags
from charloop.config import Count, NonNegativeCount, Positive, Seed


@dataclass(frozen=True)
class ReportFlags:
    """What is compared, and how it is told."""

    text: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Compare on this text: a file, a folder, or a named corpus."""
    split: Literal["train", "val", "test"] | None = None
    """Compare on this part of the text that all were trained on; val if left out."""
    limit: NonNegativeCount = 0
    """Score about so many characters, from all over the text; 0: every one."""
    to_loss: Annotated[Positive | None, tyro.conf.arg(metavar="X")] = None
    """Show how long each trained until an evaluation came to this loss, in nats per character."""
    json: Switch = False
    """Print one JSON object."""
    weights: Literal["best", "last"] = "best"
    """The weights with the best validation loss, or the newest."""


@dataclass(frozen=True)
class CompareFlags(ReportFlags):
    """Which of several trained networks predicts a text best, and is it chance?

    All read the same text: without --text the validation text they have in common.

    Each is compared with the best by a paired t test over blocks of that text.

    Beside it: size, speed of training, steps, and time to a loss (--to-loss).

    Or train them first: charloop compare TEXT --cells rnn,gru,lstm --seeds 3
    (see charloop compare --cells --help).
    """

    runs: Annotated[
        tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RUN ...", help_behavior_hint="")
    ] = ()
    """Two runs' folders or more."""
    cell: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="FILE.py:CLASS", help_behavior_hint=""),
    ] = ()
    """The code of a cell, for runs with a cell of their own; once for each such cell."""


@dataclass(frozen=True)
class SameModelFlags(ModelFlags):
    """The networks: all alike but for their cells."""

    cell: tyro.conf.SuppressFixed[tyro.conf.Fixed[str]] = "lstm"
    cell_options: tyro.conf.SuppressFixed[tyro.conf.Fixed[tuple[str, ...]]] = ()


@dataclass(frozen=True)
class SameTrainingFlags(TrainingFlags):
    """How weights are found, for how long, and what is told on the way: alike for all."""

    seed: Seed = 0
    """The first seed; the others are those after it."""


@dataclass(frozen=True)
class CompareCellsFlags(ReportFlags, SettingFlags):
    """Which cell learns a text best? Trains each, with several seeds, all else alike.

    Then compares them as it compares runs, with error bars over seeds.

    The same command goes on where it was; what is trained is not trained again.

    Settings come from the preset, then from --config, then from the flags.

    The defaults shown are those of the preset fast: --minutes 3 for each run.

    Ctrl-C saves and ends with status 130.
    """

    model: SameModelFlags = field(default_factory=SameModelFlags)
    training: SameTrainingFlags = field(default_factory=SameTrainingFlags)
    cells: Annotated[str, tyro.conf.arg(metavar="A,B,...", help_behavior_hint="")] = ""
    """The cells, with commas between them: names (see charloop cells), and your own as FILE.py:CLASS."""
    seeds: Count = 3
    """Train each cell so many times, from as many different beginnings."""
    match: Literal["hidden-size", "parameters"] = "hidden-size"
    """What is alike in all networks: units a layer, or (about) the parameters of the first cell's network."""
    output: Annotated[
        Path | None, tyro.conf.arg(metavar="FOLDER", aliases=("-o",), help_behavior_hint="")
    ] = None
    """Where the runs are kept, a folder each; runs/compare-TEXT if left out."""
    plot: Annotated[str, tyro.conf.arg(metavar="FILE", help_behavior_hint="")] = ""
    """Draw the loss curves too, means and range over seeds: a name in .png, .svg or .pdf (needs matplotlib)."""
    overwrite: Switch = False
    """Replace the file of --plot if it is there already."""
