"""The house's rooms: each imports only those above it, and the front door opens without the heavy ones."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import charloop

SOURCE = Path(charloop.__file__).parent
ROOMS = [
    {"errors"},
    {"types", "precision", "small_files", "conversion", "given"},
    {"config"},
    {"configfile", "presets"},
    {"data"},
    {"baselines", "programs", "wording"},
    {"cells"},
    {"engines"},
    {"kernels"},
    {"unroll"},
    {"dropout"},
    {"recurrent"},
    {"model"},
    {"loss"},
    {"devices"},
    {"evaluation"},
    {"originality"},
    {"sampling"},
    {"checkpoint"},
    {"trained", "description"},
    {"analysis"},
    {"training"},
    {"figures", "comparison"},
    {"report"},
    {"benchmark"},
    {"cli", "__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def room_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(file: Path) -> Iterator[str]:
    """The rooms that `file` imports from anywhere in it, in a function or for type checking too."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            names = [f"charloop.{a.name}" for a in node.names] if module == "charloop" else [module]
        yield from (name.split(".")[1] for name in names if name.startswith("charloop."))


FILES = sorted(file for file in SOURCE.rglob("*.py") if file != SOURCE / "__init__.py")


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 60
    assert "cells" in set(imported(SOURCE / "model.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_room_imports_only_rooms_above_it(file: Path) -> None:
    own = room_of(file)
    assert own in FLOOR, f"give the room {own} its place in this list"
    below = {room for room in imported(file) if FLOOR[room] > FLOOR[own]}
    beside = {room for room in imported(file) if FLOOR[room] == FLOOR[own] and room != own}
    assert not below, f"{own} must not know of {below}"
    assert not beside or own in ("presets", "__main__"), f"{own} and {beside} are on one floor"


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_front_door_opens_without_waiting_for_anyone() -> None:
    loaded = loaded_by("import charloop, charloop.cli.main")
    assert "charloop.cli.main" in loaded
    assert not loaded & {"jax", "numpy", "tyro", "optax", "rich", "msgspec"}


def test_the_data_room_needs_no_jax() -> None:
    loaded = loaded_by("import charloop.data")
    assert "numpy" in loaded
    assert not loaded & {"jax", "optax"}


def test_settings_cost_no_jax() -> None:
    assert not loaded_by("import charloop.configfile, charloop.presets, charloop.sampling") & {"jax", "numpy"}
