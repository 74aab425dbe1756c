"""The folder in which a case lives: what a command is given, where it stands, and what must stay as it is."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Print = tuple[object, ...]


@dataclass(frozen=True)
class Sandbox:
    """`box` is made anew from `pristine` for each case, always at the same place: a run names its text by its path.

    `run`: a trained run. `texts`: its text. `outside`: what belongs to somebody else. `work`: where commands stand.
    """

    box: Path
    pristine: Path

    @property
    def run(self) -> Path:
        return self.box / "run"

    @property
    def book(self) -> Path:
        return self.box / "texts" / "book.txt"

    @property
    def outside(self) -> Path:
        return self.box / "outside"

    @property
    def work(self) -> Path:
        return self.box / "work"

    def reset(self) -> None:
        """As it was in the beginning."""
        remove(self.box)
        shutil.copytree(self.pristine, self.box)

    def keep(self) -> None:
        """Take what is there now for the beginning."""
        shutil.copytree(self.box, self.pristine)

    def files(self) -> list[Path]:
        """Every file of the run, whatever its release keeps there, sorted."""
        return sorted(path for path in self.run.rglob("*") if path.is_file())


def remove(folder: Path) -> None:
    """Delete a folder, of which some may be closed to its owner."""
    if folder.is_dir():
        for place, _, _ in os.walk(folder):
            os.chmod(place, 0o700)
        shutil.rmtree(folder)


def prints(folder: Path) -> dict[str, Print]:
    """What lies under `folder`: kind, permissions, time and content of each entry; links are not followed."""
    return {os.path.relpath(path, folder): print_of(path) for path in walk(folder)}


def walk(folder: Path) -> Iterator[str]:
    for entry in os.scandir(folder):
        yield entry.path
        if entry.is_dir(follow_symlinks=False) and os.access(entry.path, os.R_OK | os.X_OK):
            yield from walk(Path(entry.path))


def print_of(path: str) -> Print:
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    if stat.S_ISLNK(info.st_mode):
        return kind, os.readlink(path)
    if stat.S_ISDIR(info.st_mode):
        return kind, info.st_mode
    if not stat.S_ISREG(info.st_mode) or not os.access(path, os.R_OK):
        return kind, info.st_mode, info.st_mtime_ns
    # Of a file with a hole as large as a disk, its time and size tell whether it was written to.
    content = hashlib.sha256(Path(path).read_bytes()).digest() if info.st_size < 1 << 24 else b""
    return kind, info.st_mode, info.st_size, info.st_mtime_ns, content


def changed(before: dict[str, Print], after: dict[str, Print]) -> list[str]:
    """The entries that are new, gone or other than before."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
