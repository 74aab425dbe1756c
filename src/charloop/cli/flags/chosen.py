"""The defaults that help shows for settings which the preset auto chooses: the word auto instead of a value."""

from dataclasses import asdict, replace
from typing import Any

from charloop.auto.rule import RULE, in_sections
from charloop.config import RunConfig


class ChosenInt(int):
    """A whole number that help shows as auto."""

    def __str__(self) -> str:
        return "auto"


class ChosenFloat(float):
    """A number that help shows as auto."""

    def __str__(self) -> str:
        return "auto"


class ChosenText(str):
    """A name that help shows as auto."""

    def __str__(self) -> str:
        return "auto"

    def __deepcopy__(self, memo: Any) -> "ChosenText":
        return self


KINDS = {int: ChosenInt, float: ChosenFloat, str: ChosenText}


def marked(config: RunConfig) -> RunConfig:
    """Return `config` for help, with each setting that the rule of auto chooses marked as chosen."""
    values = {name: value for section in asdict(config).values() for name, value in section.items()}
    chosen = {
        name: KINDS[type(values[name])](values[name]) for name in RULE.chosen if values[name] is not None
    }
    parts = {
        section: replace(getattr(config, section), **own) for section, own in in_sections(chosen).items()
    }
    return replace(config, **parts)
