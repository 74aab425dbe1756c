"""The space of a sweep: a TOML file that names the settings that vary, and how, with the keys of Weights & Biases."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

from charloop.comparison.search.distributions import KEYS, Parameter, read_parameter
from charloop.config import RunConfig
from charloop.configfile import LIMITS, OLD_KEYS, SECTIONS, from_dict, read_values
from charloop.errors import CharloopError, unknown_name

Point: TypeAlias = dict[str, Any]
"""A value for each setting of a space."""
METHODS = ("random", "grid", "bayes")
FIXED = {
    *(f.name for f in fields(SECTIONS["data"])),
    *LIMITS,
    *("eval_every", "validation_limit", "sample_every", "save_every", "keep_checkpoints", "log", "devices"),
} - {"batch_size", "seq_length"}
"""Settings that all trials share: text, budget, and how a run is watched."""
SECTION_OF = {f.name: section for section, config in SECTIONS.items() for f in fields(config)}
ELSEWHERE = {
    "metric": "the lowest validation loss is sought: remove it",
    "run_cap": "remove it, and give --trials",
    "early_terminate": "remove it, and give --halving or --no-halving",
    **dict.fromkeys(("program", "command"), "charloop trains: remove it"),
    **dict.fromkeys(("name", "project", "entity", "description"), "remove it, and give --output"),
}
"""Keys that Weights & Biases has and a space has not, with what to do."""


@dataclass(frozen=True)
class Space:
    """What varies in a sweep."""

    method: str
    """How points are chosen: random, grid or bayes."""
    parameters: tuple[Parameter, ...]
    """In the order of the file."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Space":
        """Return the space that these tables describe. Raises CharloopError for all that is not supported."""
        for key in values:
            if key in ELSEWHERE:
                raise CharloopError(f"{key} has no meaning here", do=ELSEWHERE[key])
            if key not in ("method", "parameters"):
                raise unknown_name("key of a space", key, ("method", "parameters"))
        method, tables = values.get("method", "random"), values.get("parameters")
        if method not in METHODS:
            raise CharloopError("method", got=method, allowed=", ".join(METHODS))
        if not isinstance(tables, Mapping) or not tables:
            raise CharloopError("no parameters", do="name a setting that varies: [parameters.learning_rate]")
        for name in tables:
            check_name(name)
        space = cls(method, tuple(read_parameter(name, entry) for name, entry in tables.items()))
        continuous = [parameter.name for parameter in space.parameters if parameter.size is None]
        if method == "grid" and continuous:
            finite = ", ".join(kind for kind in KEYS if kind not in ("uniform", "log_uniform_values"))
            raise CharloopError(f"a grid has no end in {continuous[0]}", allowed=finite)
        return space

    @property
    def size(self) -> int | None:
        """How many points there are; None without end."""
        sizes = [parameter.size for parameter in self.parameters]
        return None if None in sizes else math.prod(size or 1 for size in sizes)

    @property
    def varying(self) -> list[str]:
        """The settings with more than one value."""
        return [parameter.name for parameter in self.parameters if parameter.size != 1]

    def check(self, base: RunConfig) -> None:
        """Raise CharloopError for a value that its setting does not take, whatever the others are."""
        if base.data.shuffle and "seed" in self.varying:
            raise CharloopError(
                "the seed shuffles the text, so trials would be measured on different texts",
                do="leave out --shuffle or [parameters.seed]",
            )
        for parameter in self.parameters:
            # The value between the ends shows whether the setting takes fractions.
            for value in parameter.choices or [parameter.at(share) for share in (0.0, 0.37, 1 - 1e-9)]:
                self.config({parameter.name: value}, base)

    def config(self, point: Point, base: RunConfig) -> RunConfig:
        """Return `base` with the settings of `point`, each checked by itself."""
        sections: dict[str, Point] = {}
        for name, value in point.items():
            sections.setdefault(SECTION_OF[name], {})[name] = value
        return from_dict(sections, base)


def read_space(path: Path, base: RunConfig) -> dict[str, Any]:
    """Return the tables of a TOML file, if they are a space of changes to `base`. Errors name the file."""
    values = read_values(path, "the space")
    try:
        Space.of(values).check(base)
        return values
    except CharloopError as error:
        raise error.of(f"in {path}") from None


def check_name(name: str) -> None:
    """Raise CharloopError unless `name` is a setting that may vary."""
    if name in SECTIONS:
        raise CharloopError(
            f"[parameters.{name}] is a section", do="settings are flat: [parameters.hidden_size]"
        )
    if name in FIXED:
        do = "give it on the command line" if name == "corpus" else f"give --{name.replace('_', '-')}"
        raise CharloopError(f"{name} is the same in all trials", do=f"remove [parameters.{name}], and {do}")
    if name not in SECTION_OF:
        former = {old: new for names in OLD_KEYS.values() for old, new in names.items()}
        raise unknown_name("setting", name, SECTION_OF.keys() - FIXED, meant=former.get(name))
