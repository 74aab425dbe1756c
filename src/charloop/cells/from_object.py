"""Cells that a program passes as objects: a class, a function that makes a cell, or a cell."""

from collections.abc import Sequence
from dataclasses import replace

from charloop.cells import CELLS, Cell, is_file_cell, make_cell
from charloop.config import ModelConfig
from charloop.errors import CharloopError
from charloop.given import CellObject, is_object


def find_cell(name: str, hidden_size: int, options: Sequence[str] = ()) -> Cell:
    """Return a built-in cell by name, a cell from a file, or the cell that `name` carries as an object.

    A cell object keeps its options and gets the network's hidden size. Raises CharloopError if the object is not a
    cell, and the errors of `make_cell`.
    """
    if not isinstance(name, CellObject):
        return make_cell(CELLS, name, hidden_size, options)
    given = name.cell
    if isinstance(given, Cell):
        if options:
            raise CharloopError(
                "cell_options for a cell object", got=list(options), do="pass them to the cell's constructor"
            )
        return replace(given, hidden_size=hidden_size)
    known = issubclass(given, Cell) if isinstance(given, type) else callable(given)
    made: object = make_cell({str(name): given}, str(name), hidden_size, options) if known else None
    if not isinstance(made, Cell):
        raise CharloopError(
            "cell", got=given, allowed="a name, a subclass of charloop.Cell, or an instance of one"
        )
    return made


def name_builtin_cell(config: ModelConfig) -> ModelConfig:
    """Return `config` with a built-in cell's class replaced by its name, which config.json can store."""
    given = getattr(config.cell, "cell", None)
    ours = next((name for name, maker in CELLS.items() if maker is given), None)
    return config if ours is None else replace(config, cell=ours)


def is_user_cell(name: str) -> bool:
    """Return whether the cell is the user's: its file or object must be supplied again to open a run."""
    return is_file_cell(name) or is_object(name)
