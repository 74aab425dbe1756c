"""The flags of `charloop compare` and `charloop sweep`."""

from collections.abc import Set
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.flags.dynamic import ScoringLearningFlags
from charloop.cli.flags.parsing import Switch, argument
from charloop.cli.flags.training import ModelFlags, SettingFlags, TrainingFlags
from charloop.config.ranges import Count, NonNegativeCount, Positive, Seed
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.comparison import Choice


@dataclass(frozen=True)
class ScoringFlags:
    """What runs are compared on, and how the result is printed."""

    text_file: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Compare on this text: a file, a folder, or a named corpus."""
    split: Annotated[Literal["train", "val", "test"] | None, argument(None, default="val")] = None
    """Compare on this part of the text that all runs were trained on."""
    limit: NonNegativeCount = 0
    """Score about N characters, spread evenly over the text; 0: all."""
    to_loss: Annotated[Positive | None, tyro.conf.arg(metavar="X")] = None
    """Show how long each run trained until an evaluation reached this loss, in nats per character."""
    json: Switch = False
    """Print one JSON object."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""

    def choice(self) -> "Choice":
        """Return what runs are scored on, for `comparison.score_runs`."""
        from charloop.comparison import Choice

        return Choice(self.text_file, self.split or "val", self.limit or None, self.weights)

    def refuse_two_texts(self) -> None:
        """Raise CharloopError if two flags say what to compare on."""
        if self.text_file is not None and self.split is not None:
            raise CharloopError("--text-file and --split do not go together", do="leave one out")


@dataclass(frozen=True)
class CompareFlags(ScoringFlags):
    """Compare trained networks on the same text, with a significance test.

    Without --text-file, the text is the validation text that all runs share.

    Each run is compared with the best by a paired t test over blocks of the text.

    The table also shows size, training speed, steps and time to a loss (--to-loss).

    To train several cells first and compare them, see charloop sweep.
    """

    runs: Annotated[tyro.conf.Positional[tuple[Path, ...]], argument("RUN ...")] = ()
    """Folders of two runs or more."""
    cell: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, argument("FILE.py:CLASS")] = ()
    """The code of a cell, for runs with a cell of their own; once for each such cell."""
    learning: ScoringLearningFlags = field(default_factory=ScoringLearningFlags)

    def choice(self) -> "Choice":
        """Return what runs are scored on, and how they learn from it."""
        learning = self.learning
        return super().choice()._replace(dynamic=learning if learning.dynamic else None, tune=learning.tune)


@dataclass(frozen=True)
class SameModelFlags(ModelFlags):
    """The networks: all alike but for their cells."""

    cell: tyro.conf.SuppressFixed[tyro.conf.Fixed[str]] = "lstm"
    cell_options: tyro.conf.SuppressFixed[tyro.conf.Fixed[tuple[str, ...]]] = ()


@dataclass(frozen=True)
class SameTrainingFlags(TrainingFlags):
    """Optimizer, learning rate, limits, and what is reported during training: the same for all."""

    seed: Seed = 0
    """The first seed; the others follow it."""


@dataclass(frozen=True)
class SweepFlags(ScoringFlags, SettingFlags):
    """Train several cells with several seeds, or try settings from a space.

    With --cells, they are compared as by charloop compare, over all seeds.

    With --space, it prints a table of the trials, the best first (docs/sweeps.md).

    The same command continues where it stopped; finished runs are kept.

    Settings come from the preset, then from --config, then from the flags.

    The defaults shown are those of the preset fast: --minutes 3 for each run.

    A comparison must not depend on the machine's speed: there is no preset auto.

    Ctrl-C saves a checkpoint and ends with status 130.
    """

    model: SameModelFlags = field(default_factory=SameModelFlags)
    training: SameTrainingFlags = field(default_factory=SameTrainingFlags)
    cells: Annotated[str, argument("A,B,...")] = ""
    """The cells, separated by commas: names (see charloop cells), or your own as FILE.py:CLASS."""
    seeds: Count = 3
    """Number of seeds; each cell is trained once with each seed."""
    space: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A TOML file with the settings that vary, instead of --cells."""
    trials: Count | None = None
    """With --space: number of points to try (20 if it is not given; of a grid all)."""
    halving: bool = True
    """With --space: give all trials a part of the budget, then only the best third of them more."""
    match: Literal["hidden-size", "parameters"] = "hidden-size"
    """What all networks share: the hidden size, or about the number of parameters of the first cell's network."""
    output: Annotated[Path | None, argument("FOLDER", "-o", default="a name under runs/")] = None
    """Folder for the runs, each in a folder of its own."""
    plot: Annotated[str, argument("FILE")] = ""
    """Also draw a figure to a .png, .svg or .pdf file (needs matplotlib): the loss curves, mean and range over seeds;
    with --space, the losses of all trials over time, and how much each setting matters."""
    overwrite: Switch = False
    """Replace the file of --plot if it exists."""

    def refuse_foreign(self, given: Set[str]) -> None:
        """Raise CharloopError for flags that are `given` and belong to the other kind of sweep."""
        scoring = {f.name for f in fields(ScoringFlags)} - {"json"}
        trials, cells = {"trials", "halving", "no_halving"}, {"cells", "seeds", "match", *scoring}
        for name in sorted(given & (cells if self.space else trials)):
            flag = f"--{name.replace('_', '-')}"
            if not self.space:
                raise CharloopError(
                    f"{flag} goes with --space", do="name the settings that vary: --space FILE"
                )
            hint = "leave it out"
            if name in scoring:
                hint = "to compare trials in this way: charloop compare RUN RUN"
            elif name != "match":
                hint = f"write values = [...] under [parameters.{name.rstrip('s')}]"
            raise CharloopError(f"{flag} does not go with --space", do=hint)
