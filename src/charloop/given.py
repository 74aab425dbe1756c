"""Objects that a program gives where the command line gives a name; config.json records that there was one."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from charloop.errors import CharloopError

if TYPE_CHECKING:

    class Sources:
        """For type checkers: a field that may be set to any of these, and is stored as names."""

        def __get__(self, owner: object, kind: Any) -> tuple[str, ...]: ...

        def __set__(
            self, owner: object, value: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
        ) -> None: ...

    CellName = Any
    """Type of a field that is set to a name, a cell's class or a cell, and stored as a name."""
else:
    CellName = str

OBJECT = "object:"
"""Prefix of the name of a cell that is an object."""


class CellObject(str):
    """The name `object:CLASS` of a cell that is an object, and the object."""

    cell: Any

    @classmethod
    def of(cls, cell: Any) -> "CellObject":
        """Return the name of a cell's class, or of a cell."""
        kind = cell if isinstance(cell, type) or not hasattr(cell, "hidden_size") else type(cell)
        named = cls(OBJECT + getattr(kind, "__name__", type(kind).__name__))
        named.cell = cell
        return named

    def __deepcopy__(self, memo: Any) -> "CellObject":
        """Return itself: a copied configuration has the same cell."""
        return self


def is_object(name: str) -> bool:
    """Return whether `name` is that of a cell object, loaded or not."""
    return name.startswith(OBJECT)


def source_names(sources: Any) -> tuple[str, ...]:
    """Return the names of sources: files, folders, globs or corpora, given as one name or path, or several."""
    if isinstance(sources, str | os.PathLike):
        return (os.fspath(sources),)
    several = isinstance(sources, Iterable) and not isinstance(sources, bytes | bytearray)
    names = list(sources) if several else [sources]
    for name in names:
        if not isinstance(name, str | os.PathLike):
            raise CharloopError(
                "corpus",
                got=type(name).__name__,
                allowed="a path, or the name of a file, folder, glob or corpus, or several of them",
                do="give a text itself as text=",
            )
    return tuple(os.fspath(name) for name in names)


@dataclass(frozen=True)
class Given:
    """Objects that a run uses and config.json cannot hold; None for each that is not given."""

    text: Any = None
    """A `data.Text`."""
    optimizer: Any = None
    """An `optax.GradientTransformation`."""
    schedule: Any = None
    """A function from a step to its learning rate."""

    def names(self) -> dict[str, str]:
        """Return what to call each object that was given."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: kind_of(value) for name, value in found.items() if value is not None}


def kind_of(value: Any) -> str:
    """Return what config.json calls an object."""
    said = getattr(value, "kind", None) or getattr(value, "__name__", None)
    return said if isinstance(said, str) else type(value).__name__


@dataclass(frozen=True)
class Fields:
    """The names of the field that holds a record's text, and of the one that holds its label ("": none)."""

    text: str
    label: str = ""
