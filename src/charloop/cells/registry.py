"""Make a cell from its name and options: a built-in one, or a user's own from a file."""

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import msgspec

from charloop.cells.base import Cell
from charloop.conversion import convert
from charloop.errors import CharloopError, unknown_name

CellMaker: TypeAlias = Callable[..., Cell]


def make_cell(
    cells: Mapping[str, CellMaker], name: str, hidden_size: int, options: Sequence[str] = ()
) -> Cell:
    """Return the cell called `name` in `cells`, or the class behind `FILE.py:CLASS`, with its NAME=VALUE options.

    Raises CharloopError for an unknown name, file, class, option or value, with the nearest known one.
    """
    maker = load_cell(name) if is_file_cell(name) else cells.get(name)
    if maker is None:
        raise unknown_name("cell", name, cells, do="for your own cell write FILE.py:CLASS")
    parsed = parse_options(name, maker, options)
    try:
        return maker(hidden_size, **parsed)
    except (TypeError, ValueError) as error:
        raise CharloopError(
            f"the cell {name} cannot be made ({error})", do="see docs/extending.md"
        ) from error


def is_file_cell(name: str) -> bool:
    """Return whether `name` has the form FILE.py:CLASS."""
    return name.rpartition(":")[0].endswith(".py")


def find_cell_options(maker: CellMaker) -> dict[str, inspect.Parameter]:
    """Return the options a cell takes besides `hidden_size`, by name."""
    return {name: p for name, p in inspect.signature(maker).parameters.items() if name != "hidden_size"}


def parse_options(name: str, maker: CellMaker, options: Sequence[str]) -> dict[str, object]:
    """Convert NAME=VALUE strings to keyword arguments, each to the type of the option's default."""
    known, parsed = find_cell_options(maker), {}
    for option in options:
        key, equals, value = option.partition("=")
        if not equals:
            raise CharloopError(
                "a cell's option is NAME=VALUE", got=option, do="write e.g. reset_after=false"
            )
        if key not in known:
            raise unknown_name(f"option of the cell {name}", key, known)
        default = known[key].default
        if default is inspect.Parameter.empty:
            raise CharloopError(
                f"option {key} of the cell {name} has no default, so its type is unknown",
                do="give it a default",
            )
        kind = type(default)
        try:
            parsed[key] = convert(value, kind, strict=False)
        except msgspec.ValidationError:
            allowed = "true or false" if kind is bool else f"a value of type {kind.__name__}"
            raise CharloopError(f"option {key} of the cell", got=value, allowed=allowed) from None
    return parsed


def load_cell(name: str) -> CellMaker:
    """Return the class behind FILE.py:CLASS. This executes the file: load only files that you trust."""
    file, _, class_name = name.rpartition(":")
    module = load_module(Path(os.path.expanduser(file)))
    found = getattr(module, class_name, None)
    if not (inspect.isclass(found) and issubclass(found, Cell)):
        cells = [n for n, v in vars(module).items() if inspect.isclass(v) and issubclass(v, Cell)]
        own = [n for n in cells if getattr(module, n).__module__ == module.__name__]
        raise unknown_name(f"cell in {file}", class_name, own, do="see docs/extending.md")
    maker: CellMaker = found
    return maker


def load_module(path: Path) -> ModuleType:
    """Execute the Python file at `path` as a new module and return it."""
    if not path.is_file():
        raise CharloopError("cell file not found", got=str(path), do="give FILE.py:CLASS")
    spec = importlib.util.spec_from_file_location(f"charloop_user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise CharloopError("not a Python file", got=str(path), do="give FILE.py:CLASS")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look up their module by name if annotations are strings.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise CharloopError(f"{path} does not run ({type(error).__name__}: {error})") from error
    return module
