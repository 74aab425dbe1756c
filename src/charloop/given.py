"""What a program gives as an object where the command line gives a name: config.json says that there was one."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from charloop.errors import CharloopError

if TYPE_CHECKING:

    class Sources:
        """For type checkers, the field of a configuration that is given as any of these, and kept as names."""

        def __get__(self, owner: object, kind: Any) -> tuple[str, ...]: ...

        def __set__(
            self, owner: object, value: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
        ) -> None: ...

    CellName = Any
    """Of a field that is given as a name, a cell's class or a cell, and kept as a name."""
else:
    CellName = str

OBJECT = "object:"
"""How the name of a cell begins that is an object."""


class CellObject(str):
    """The name of a cell that is an object, `object:CLASS`, and the object: a name wherever a name is wanted."""

    cell: Any

    @classmethod
    def of(cls, cell: Any) -> "CellObject":
        """The name of a cell's class, or of a cell."""
        kind = cell if isinstance(cell, type) or not hasattr(cell, "hidden_size") else type(cell)
        named = cls(OBJECT + getattr(kind, "__name__", type(kind).__name__))
        named.cell = cell
        return named

    def __deepcopy__(self, memo: Any) -> "CellObject":
        """Itself: a configuration that is copied is still of this cell."""
        return self


def is_object(name: str) -> bool:
    """Whether `name` is of a cell that is an object, there or not."""
    return name.startswith(OBJECT)


def source_names(sources: Any) -> tuple[str, ...]:
    """Files, folders, globs or corpora by name: one, or several; a path is a name. A text itself is none."""
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
    """Objects that a run is made with and config.json cannot hold; None for what is not one."""

    text: Any = None
    """A `data.Text`."""
    optimizer: Any = None
    """An `optax.GradientTransformation`."""
    schedule: Any = None
    """The learning rate of a step, a function."""

    def names(self) -> dict[str, str]:
        """The objects that were given, by kind."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: kind_of(value) for name, value in found.items() if value is not None}


def kind_of(value: Any) -> str:
    """What to call an object in config.json."""
    said = getattr(value, "kind", None) or getattr(value, "__name__", None)
    return said if isinstance(said, str) else type(value).__name__
