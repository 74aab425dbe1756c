"""The rule by which `--preset auto` chooses, read from rule.toml: tables whose rows set settings."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from typing import Annotated, Any, Literal

from msgspec import Meta

from charloop.config import RunConfig
from charloop.config.ranges import Fraction, NonNegative, Positive
from charloop.configfile import SECTIONS, from_dict
from charloop.conversion import convert
from charloop.errors import unknown_name

Quantity = Literal["minutes", "text", "devices", "trained", "epochs", "weights"]
Settings = Mapping[str, Any]
SECTION_OF = {f.name: section for section, kind in SECTIONS.items() for f in fields(kind)}
"""The section of each setting."""


@dataclass(frozen=True)
class RuleRow:
    """A row of a table: it counts where each quantity of `at_least` is reached."""

    at_least: Mapping[Quantity, float]
    set: Settings

    def counts(self, quantities: Mapping[Quantity, float]) -> bool:
        """Return whether the row counts for these quantities; a quantity that is not among them is no obstacle."""
        return all(quantities.get(name, least) >= least for name, least in self.at_least.items())


Table = Annotated[Sequence[RuleRow], Meta(min_length=1)]


@dataclass(frozen=True)
class SpeedRule:
    """How many characters a network trains on in a second (see `choosing.choose`)."""

    operations: Positive
    efficiency: Positive
    bfloat16: Positive
    preparation_seconds: NonNegative
    training_share: Annotated[float, Meta(gt=0, le=1)]


@dataclass(frozen=True)
class Rule:
    """All of rule.toml."""

    purpose: str
    minutes: Positive
    warmup_share: Fraction
    speed: SpeedRule
    always: Settings
    cell: Table
    chunk: Table
    size: Table
    epochs: Table

    def __post_init__(self) -> None:
        """Check the settings of all rows. Raises CharloopError for one that does not exist, or is out of range."""
        for settings in self.all_settings:
            from_dict(in_sections(settings))

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of all settings that the rule chooses."""
        return tuple(dict.fromkeys(name for settings in self.all_settings for name in settings))

    @property
    def all_settings(self) -> list[Settings]:
        """The settings of all tables."""
        rows = (*self.cell, *self.chunk, *self.size, *self.epochs)
        return [self.always, *(row.set for row in rows)]


def read_rule(text: str) -> Rule:
    """Return the rule in a TOML document. Raises CharloopError or msgspec.ValidationError for a fault."""
    rule: Rule = convert(tomllib.loads(text), Rule)
    return rule


def pick(table: Sequence[RuleRow], quantities: Mapping[Quantity, float]) -> RuleRow:
    """Return the last row of a table that counts; the first one if none does."""
    return next((row for row in reversed(table) if row.counts(quantities)), table[0])


def in_sections(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return settings by section. Raises CharloopError for one that does not exist, with the nearest that does."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in settings.items():
        if name not in SECTION_OF:
            raise unknown_name("setting", name, SECTION_OF)
        found.setdefault(SECTION_OF[name], {})[name] = value
    return found


def with_settings(config: RunConfig, settings: Settings, kept: Collection[str] = ()) -> RunConfig:
    """Return `config` with these settings, except those whose names are to be `kept`."""
    sections = in_sections({name: value for name, value in settings.items() if name not in kept})
    parts: dict[str, Any] = {
        section: replace(getattr(config, section), **values) for section, values in sections.items()
    }
    return replace(config, **parts)


RULE = read_rule(files("charloop.auto").joinpath("rule.toml").read_text("utf-8"))
