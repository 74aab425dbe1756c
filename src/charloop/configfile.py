"""Configurations to and from dictionaries, TOML and JSON; an unknown name is an error with the nearest known one."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from charloop.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from charloop.conversion import convert
from charloop.errors import CharloopError, unknown_name
from charloop.files.small import read_small

SECTIONS = {"data": DataConfig, "model": ModelConfig, "training": TrainingConfig}
RUN_KEYS = ("format", "charloop", "text", "made_with", "given")
"""What config.json of a run holds besides its configuration."""
BEFORE: Mapping[str, dict[str, Any]] = {"training": {"state_dropout": 0.0}, "data": {"hold_out": "end"}}
"""Values of settings that config.json of an old run lacks: those that had the effect charloop had at that time."""
OLD_KEYS = {"training": {"keep_saves": "keep_checkpoints", "momentum": "beta1", "second_moment": "beta2"}}
"""Former names of settings by section, which TOML files and the config.json of old runs have."""
MAX_KEY_PARTS = 100
"""Parts of a dotted key: the memory of tomllib grows with their square, and settings have two."""
CHECKED: WeakValueDictionary[int, RunConfig] = WeakValueDictionary()
"""Configurations in memory that are valid for good, since they are frozen: by identity, as 1 equals True and 1.0."""
LIMITS = {"epochs", "steps", "minutes"}
"""The budget is one unit: setting one of these removes the others that a lower layer has set."""


def to_dict(config: RunConfig) -> dict[str, dict[str, Any]]:
    """Return sections of plain values; fields that are None are left out, because TOML has no such value."""
    sections = asdict(config)
    return {name: {k: v for k, v in values.items() if v is not None} for name, values in sections.items()}


def from_dict(values: Mapping[str, Any], base: RunConfig | None = None) -> RunConfig:
    """Return `base` (or the defaults) with `values` on top, all checked.

    Settings that an old run's config.json lacks have the values of `BEFORE`.
    """
    merged = to_dict(base or RunConfig())
    for section, settings in BEFORE.items() if "format" in values else ():
        merged[section] |= settings
    for section, entries in values.items():
        if section in RUN_KEYS:
            continue
        if section not in SECTIONS:
            raise misplaced(section)
        if not isinstance(entries, Mapping):
            raise CharloopError(f"[{section}]", got=entries, allowed="a section of settings")
        entries = with_current_names(section, entries)
        for key in entries:
            check_key(section, key)
        if LIMITS & entries.keys():
            merged[section] = {k: v for k, v in merged[section].items() if k not in LIMITS}
        merged[section] |= entries
    return check(merged)


def with_current_names(section: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return `entries` with former names of settings replaced. CharloopError where both names are given."""
    old = {key: new for key, new in OLD_KEYS.get(section, {}).items() if key in entries}
    for key, new in old.items():
        if new in entries:
            raise CharloopError(f"{key} is the former name of {new}, which is given too", do=f"remove {key}")
    return {old.get(key, key): value for key, value in entries.items()}


def check(values: Mapping[str, Any]) -> RunConfig:
    """Return the configuration of these sections, with types and ranges checked as declared."""
    try:
        config: RunConfig = convert(values, RunConfig)
    except msgspec.ValidationError as error:
        raise out_of_range(str(error), values) from None
    CHECKED[id(config)] = config
    return config


def changes(before: RunConfig, after: RunConfig) -> Iterator[tuple[str, Any, Any]]:
    """Yield the settings in which two configurations differ: name, value before, value after."""
    for section in SECTIONS:
        one, two = getattr(before, section), getattr(after, section)
        for f in fields(one):
            old, new = getattr(one, f.name), getattr(two, f.name)
            if old != new:
                yield f.name, old, new


def validate(config: RunConfig) -> RunConfig:
    """Return `config`. Raises CharloopError for a field out of its range."""
    return config if CHECKED.get(id(config)) is config else check(to_dict(config))


def out_of_range(message: str, values: Mapping[str, Any]) -> CharloopError:
    """Return msgspec's error as ours: the setting, what was got, what is allowed."""
    found = re.search(r"\$\.(\w+)\.(\w+)", message)
    if not found:
        return CharloopError(message)
    section, key = found.groups()
    expected = re.match(r"Expected `(\w+)`(?: ([<>]=? [\d.e+-]+))?", message)
    kind = next(f.type for f in fields(SECTIONS[section]) if f.name == key)
    allowed = " ".join(filter(None, expected.groups())) if expected else str(kind)
    return CharloopError(key.replace("_", "-"), got=values[section][key], allowed=readable(allowed, kind))


def readable(allowed: str, kind: Any) -> str:
    """Return a range such as `int >= 1` in words."""
    if "Literal" in str(kind):
        return ", ".join(str(value) for value in kind.__args__)
    words = {
        "int": "a whole number",
        "float": "a number",
        "str": "text",
        "bool": "true or false",
        "array": "a list",
    }
    for short, long in words.items():
        allowed = re.sub(rf"\b{short}\b", long, allowed)
    return allowed


def check_key(section: str, key: str) -> None:
    """Raise CharloopError for a key that its section does not have."""
    names = [f.name for f in fields(SECTIONS[section])]
    if key not in names:
        home = next((s for s, c in SECTIONS.items() if key in [f.name for f in fields(c)]), None)
        if home:
            raise CharloopError(f"{key} is not in [{section}]", do=f"move it to [{home}]")
        raise unknown_name(f"key in [{section}]", key, names)


def misplaced(key: str) -> CharloopError:
    """Return the error for a name at the top level that is not a section."""
    for section, config in SECTIONS.items():
        if key in [f.name for f in fields(config)]:
            return CharloopError(f"{key} is outside its section", do=f"move it under [{section}]")
    return unknown_name("section", key, SECTIONS)


def parse_toml(text: str) -> dict[str, Any]:
    """Return the tables of a TOML document. Raises ValueError, also for keys that would cost tomllib gigabytes."""
    for number, line in enumerate(text.splitlines(), start=1):
        if re.sub(r"'[^']*'|\"[^\"]*\"", "", line).count(".") > MAX_KEY_PARTS:
            raise ValueError(f"line {number} has a key of more than {MAX_KEY_PARTS} parts")
    return tomllib.loads(text)


def read_values(path: Path, what: str) -> dict[str, Any]:
    """Return the tables of a TOML or JSON file; an error says that it is `what`."""
    try:
        text = read_small(path, only_file=False).decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise CharloopError(f"cannot read {what} {path} ({reason})") from None
    try:
        values: Any = json.loads(text) if path.suffix == ".json" else parse_toml(text)
    except (ValueError, RecursionError) as error:
        raise CharloopError(f"{path} is not valid {path.suffix[1:].upper() or 'TOML'} ({error})") from None
    if not isinstance(values, dict):
        raise CharloopError(f"{path} holds no settings", allowed="sections such as [model]")
    return values


def read_config(path: Path, base: RunConfig | None = None) -> RunConfig:
    """Return a TOML file, or a JSON file such as a run's config.json, on top of `base`."""
    return read_settings(path, base)[0]


def read_settings(path: Path, base: RunConfig | None = None) -> tuple[RunConfig, set[str]]:
    """Return a file as `read_config` does, and the names of the settings in it: of a run's config.json, all."""
    values = read_values(path, "the configuration")
    try:
        config = from_dict(values, base)
    except CharloopError as error:
        raise error.of(f"in {path}") from None
    sections = asdict(config) if "format" in values else values
    named = (with_current_names(name, sections[name]) for name in SECTIONS if name in sections)
    return config, {name for entries in named for name in entries}
