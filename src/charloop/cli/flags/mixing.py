"""The flags that mix the predictions of several runs."""

import os
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from charloop.cli.flags.parsing import Switch, argument
from charloop.cli.terminal.progress import showing_progress
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.trained import TrainedModel
    from charloop.trained.mixture import Mixture

TUNED_ON = {
    "val": "validation text",
    "test": "test text",
    "train": "training text's end, which the networks have learned from",
}


@dataclass(frozen=True)
class MixFlags:
    """Several runs as one: RUN+RUN. Their predictions of each character are mixed."""

    mix: Literal["logit", "linear"] = "logit"
    """logit: the weighted geometric mean of the probabilities. linear: their weighted mean."""
    mix_weights: Annotated[str | None, argument("X,X", default="equal")] = None
    """The weight of each run, such as 0.7,0.3; they are divided by their sum."""


@dataclass(frozen=True)
class TunedMixFlags(MixFlags):
    """Several runs as one: RUN+RUN. Their predictions of each character are mixed."""

    tune: Switch = False
    """First choose the weights of several runs, on up to 20,000 characters of the first run's validation text."""


def split_runs(given: str) -> list[str]:
    """Return the names that `given` joins with +. A + in the name of something that exists does not join."""
    names, parts = [], given.split("+")
    while parts:
        sizes = range(len(parts), 0, -1)
        size = next((size for size in sizes if os.path.exists("+".join(parts[:size]))), 1)
        names.append("+".join(parts[:size]))
        parts = parts[size:]
    return names


def check_mixing(run: Path, given: Collection[str], dynamic: str, *, tunes_one: bool = False) -> bool:
    """Return whether `run` names several runs. Raises CharloopError for flags, among `given`, that do not fit.

    These are field names. `dynamic` is the flag, as a field name, that lets one network learn while it reads;
    `tunes_one` says whether --tune means something for one run, too.
    """
    if len(split_runs(os.fspath(run))) > 1:
        if dynamic in given:
            raise CharloopError(
                f"{show_flag(dynamic)} and several runs do not go together", do="name one run"
            )
        if {"tune", "mix_weights"} <= set(given):
            raise CharloopError("--tune and --mix-weights do not go together", do="leave one out")
        return True
    for name in ("mix", "mix_weights", *([] if tunes_one else ["tune"])):
        if name in given:
            raise CharloopError(f"{show_flag(name)} needs several runs", do="name them as RUN+RUN")
    return False


def show_flag(name: str) -> str:
    """Return a flag as it is given."""
    return f"--{name.replace('_', '-')}"


def load_runs(
    run: Path, flags: MixFlags, *, tune: bool = False, scored: str | None = None, **how: Any
) -> "TrainedModel":
    """Return the network of a run, or those of RUN+RUN as one, with tuned weights if `tune` says so.

    `scored` is the part of the first run's text that is to be scored, if one is; `how` is as in `load`. Raises
    CharloopError as `load`, `load_members` and `mix` do.
    """
    from charloop.trained import load

    names = split_runs(os.fspath(run))
    if len(names) == 1:
        return load(run, **how)
    from charloop.trained.mixture import mix
    from charloop.trained.several import load_members

    weights = read_weights(flags.mix_weights)
    with showing_progress() as listener:
        mixture = mix(list(load_members(names, listener, **how)), flags.mix, weights)
    return tune_mixture(mixture, scored) if tune else mixture


def read_weights(given: str | None) -> list[float] | None:
    """Return the numbers between commas."""
    try:
        return None if given is None else [float(number) for number in given.split(",")]
    except ValueError:
        raise CharloopError("--mix-weights", got=given, allowed="numbers, such as 0.7,0.3") from None


def tune_mixture(mixture: "Mixture", scored: str | None) -> "Mixture":
    """Return the mixture with the best weights on a text that is not `scored`, and print them."""
    from charloop.trained.weighing import tune_weights

    with showing_progress() as listener:
        tuned = tune_weights(mixture, listener, scored=scored)
    weights, text = write_weights(tuned.mixture), TUNED_ON[tuned.part]
    print(
        f"tuning: --mix-weights {weights}: {tuned.loss:.4f} nats per character of the {text}", file=sys.stderr
    )
    return tuned.mixture


def write_weights(mixture: "Mixture") -> str:
    """Return the weights as --mix-weights takes them."""
    return ",".join(f"{weight:.3f}".rstrip("0").rstrip(".") for weight in mixture.weights)
