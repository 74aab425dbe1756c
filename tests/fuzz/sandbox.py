"""The folder of a case: the input of a command, its working directory, and what must stay unchanged."""

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
    """`box` is a copy of `pristine` for each case, always at the same path: a run names its text by its path.

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
        """Restore the beginning."""
        remove(self.box)
        shutil.copytree(self.pristine, self.box)

    def keep(self) -> None:
        """Keep what is there now as the beginning."""
        shutil.copytree(self.box, self.pristine)

    def files(self) -> list[Path]:
        """Return every file of the run, sorted."""
        return sorted(path for path in self.run.rglob("*") if path.is_file())


def remove(folder: Path) -> None:
    """Delete a folder, parts of which may lack permissions."""
    if folder.is_dir():
        for path, _, _ in os.walk(folder):
            os.chmod(path, 0o700)
        shutil.rmtree(folder)


def prints(folder: Path) -> dict[str, Print]:
    """Return kind, permissions, time and content of each entry under `folder`. Links are not followed."""
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
    # Time and size show whether a file with a hole as large as a disk was written to.
    content = hashlib.sha256(Path(path).read_bytes()).digest() if info.st_size < 1 << 24 else b""
    return kind, info.st_mode, info.st_size, info.st_mtime_ns, content


def changed(before: dict[str, Print], after: dict[str, Print]) -> list[str]:
    """Return the entries that are new, gone or changed."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
