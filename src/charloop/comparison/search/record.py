"""The file sweep.json in a sweep's folder: the space, and the trials that were planned in it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from charloop.checkpoint import locked, write_atomically
from charloop.checkpoint.checksums import damaged
from charloop.checkpoint.lock import LOCK
from charloop.checkpoint.run_folder import encode_json
from charloop.comparison.search.space import Point
from charloop.conversion import convert
from charloop.errors import CharloopError
from charloop.files.atomic import is_leftover
from charloop.files.small import read_small

RECORD = "sweep.json"
OTHER = "give another --output, or the space and the seed as they were"


@dataclass
class Record:
    """What a sweep remembers besides its runs."""

    space: dict[str, Any]
    """The tables of its file."""
    seed: int
    trials: list[Point] = field(default_factory=list)
    """The settings of each trial, in the order of their numbers."""
    failed: dict[str, str] = field(default_factory=dict)
    """Why trials failed, by their names."""

    def save(self, folder: Path) -> None:
        """Write it into a sweep's folder."""
        write_atomically(folder / RECORD, encode_json(asdict(self)))


def open_record(folder: Path, space: Mapping[str, Any], seed: int) -> Record:
    """Return what `folder` remembers, or a new record if it is new.

    Raises CharloopError if it belongs to another space or seed, or to something else than a sweep.
    """
    if not (folder / RECORD).exists():
        refuse_used_folder(folder)
        return Record(dict(space), seed)
    try:
        values = json.loads(read_small(folder / RECORD).decode())
        record: Record = convert(values, Record)
    except OSError as error:
        raise CharloopError(f"cannot read {folder / RECORD} ({error.strerror})") from None
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise damaged(folder / RECORD, str(error)) from None
    if record.space != space:
        other = find_difference(record.space, space)
        raise CharloopError(f"{folder} is a sweep of another space: {other} has changed", do=OTHER)
    if record.seed != seed:
        raise CharloopError(f"{folder} was started with --seed {record.seed}", got=seed, do=OTHER)
    return record


def find_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return the first key of two spaces, or the first parameter, that is not the same in both."""
    one, two = before.get("parameters"), after.get("parameters")
    if before.get("method") != after.get("method") or not (isinstance(one, dict) and isinstance(two, dict)):
        return "method"
    return next(str(name) for name in [*one, *two] if one.get(name) != two.get(name))


def refuse_used_folder(folder: Path) -> None:
    """Raise CharloopError unless `folder` is missing or empty, but for what a killed process leaves in a new one."""
    if not folder.exists():
        return
    if not folder.is_dir() or any(e.name != LOCK and not is_leftover(e.name) for e in folder.iterdir()):
        raise CharloopError(f"{folder} is not empty, and has no {RECORD}", do="give another --output")


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a sweep, and hold its lock while the block runs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CharloopError(
            f"cannot make the folder {folder} ({error.strerror})", do="choose another --output"
        ) from None
    with locked(folder):
        yield
