"""A cell that a program gives as an object: a class, a function that makes one, or a cell itself."""

from collections.abc import Sequence
from dataclasses import replace

from charloop.cells import CELLS, Cell, is_file_cell, make_cell
from charloop.config import ModelConfig
from charloop.errors import CharloopError
from charloop.given import CellObject, is_object


def find_cell(name: str, hidden_size: int, options: Sequence[str] = ()) -> Cell:
    """`make_cell` of the house's cells, or of the object that `name` has with it.

    A cell itself brings its options, and gets the hidden size that the network has. Raises CharloopError for what is
    no cell, and as `make_cell` does.
    """
    if not isinstance(name, CellObject):
        return make_cell(CELLS, name, hidden_size, options)
    given = name.cell
    if isinstance(given, Cell):
        if options:
            raise CharloopError(
                "cell_options of a cell that is made already", got=list(options), do="make it with them"
            )
        return replace(given, hidden_size=hidden_size)
    known = issubclass(given, Cell) if isinstance(given, type) else callable(given)
    made: object = make_cell({str(name): given}, str(name), hidden_size, options) if known else None
    if not isinstance(made, Cell):
        raise CharloopError("cell", got=given, allowed="a name, a class of charloop.Cell, or such a cell")
    return made


def name_builtin_cell(config: ModelConfig) -> ModelConfig:
    """`config` with the name in the place of a class of the house: that config.json can hold."""
    given = getattr(config.cell, "cell", None)
    ours = next((name for name, maker in CELLS.items() if maker is given), None)
    return config if ours is None else replace(config, cell=ours)


def is_user_cell(name: str) -> bool:
    """Whether a configuration names a cell whose code must be given again: of a file, or an object."""
    return is_file_cell(name) or is_object(name)
