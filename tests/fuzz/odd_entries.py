"""Entries of a folder instead of the expected files: links, pipes, folders, holes, nothing."""

import os
import random
from collections.abc import Callable
from pathlib import Path

from fuzz.odd_bytes import FOREIGN


def gone(path: Path, _outside: Path) -> None:
    path.unlink()


def folder(path: Path, _outside: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("a file")


def looping_link(path: Path, _outside: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def link_in_a_ring(path: Path, _outside: Path) -> None:
    path.unlink()
    path.symlink_to(f"{path.name}.other")
    path.with_name(f"{path.name}.other").symlink_to(path.name)


def link_to_nowhere(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside / "not-there")


def link_to_the_same_outside(path: Path, outside: Path) -> None:
    """Reading works as before; writing would change a file that is not part of the run."""
    os.replace(path, outside / "moved")
    path.symlink_to(outside / "moved")


def link_to_another_file(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside / "victim.txt")


def link_to_a_folder(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside)


def link_to_a_device(path: Path, _outside: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def pipe(path: Path, _outside: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_to_a_pipe(path: Path, outside: Path) -> None:
    path.unlink()
    target = outside / f"{path.name}.pipe"
    if not target.exists():
        os.mkfifo(target)
    path.symlink_to(target)


def closed(path: Path, _outside: Path) -> None:
    """Root can read it nevertheless."""
    path.chmod(0)


def hole(path: Path, _outside: Path, size: int = 1 << 42) -> None:
    """Append four terabytes of zeros, which take no space on the disk."""
    with path.open("r+b") as file:
        file.truncate(size)


def small_hole(path: Path, outside: Path) -> None:
    """For texts, of which every byte is read."""
    hole(path, outside, 1 << 23)


ENTRIES: dict[str, Callable[[Path, Path], None]] = {
    f.__name__: f
    for f in (
        gone,
        folder,
        looping_link,
        link_in_a_ring,
        link_to_nowhere,
        link_to_the_same_outside,
        link_to_another_file,
        link_to_a_folder,
        link_to_a_device,
        pipe,
        link_to_a_pipe,
        closed,
        hole,
        small_hole,
    )
}
OF_TEXTS = ENTRIES.keys() - {"hole"}


PIPES = {"pipe", "link_to_a_pipe"}


def replace(path: Path, outside: Path, chance: random.Random, *, named: bool = False) -> str:
    """Replace `path` by something else, and return what.

    A path that a person names (`named`) becomes no pipe: reading a pipe means to wait for its writer, as everywhere.
    """
    names = sorted(OF_TEXTS - PIPES) if named else list(ENTRIES)
    name = chance.choice([*names, "foreign", "foreign", "foreign"])
    if name != "foreign":
        ENTRIES[name](path, outside)
        return name
    kind = chance.choice(list(FOREIGN))
    path.write_bytes(FOREIGN[kind])
    return kind


def swap(path: Path, other: Path) -> None:
    """Exchange the names of two files."""
    between = path.with_name(".between")
    os.rename(path, between)
    if other != path:
        os.rename(other, path)
    os.rename(between, other)
