"""Settings that go well together, for different budgets of time; presets.toml holds them.

`--preset auto` is no fixed set of settings: see `charloop.auto`.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Annotated, Any

import msgspec

from charloop.config import RunConfig
from charloop.configfile import from_dict
from charloop.conversion import convert
from charloop.errors import CharloopError, unknown_name

AUTO = "auto"
"""The preset that is chosen for a text, a time and a machine."""


@dataclass(frozen=True)
class Measured:
    """A validation loss that a preset has reached."""

    text: str
    loss: Annotated[float, msgspec.Meta(gt=0)]
    """Nats per character."""
    time: str
    machine: str
    date: date


@dataclass(frozen=True)
class Preset:
    """A set of settings: what it is for, and the losses that were measured with it."""

    purpose: str
    config: RunConfig
    expected: Sequence[Measured] = ()


def read_presets(text: str) -> dict[str, Preset]:
    """Return the presets in a TOML document, by name. Raises CharloopError or msgspec.ValidationError for a fault."""
    return {name: make_preset(**table) for name, table in tomllib.loads(text).items()}


def make_preset(purpose: str, expected: Sequence[Any] = (), **sections: Any) -> Preset:
    """Return the preset of a table: `sections` are those of a configuration."""
    return Preset(purpose, from_dict(sections), convert(expected, tuple[Measured, ...]))


PRESETS = read_presets(files(__name__).joinpath("presets.toml").read_text("utf-8"))


def find_preset(name: str) -> RunConfig:
    """Return the preset of that name. Raises CharloopError, with the nearest name, if there is none."""
    if name == AUTO:
        raise CharloopError(
            "the preset auto depends on the text and the machine",
            do="call charloop.choose_config with a text",
        )
    if name not in PRESETS:
        raise unknown_name("preset", name, (AUTO, *PRESETS))
    return PRESETS[name].config
