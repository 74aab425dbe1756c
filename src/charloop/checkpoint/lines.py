"""A file of lines that grows while a run goes on, and is cut back to where the run goes on from."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.atomic import PLAIN, flush, write_all

BLOCK = 1 << 20
"""Bytes at the end of a file that are looked at first."""
LONGEST = 1 << 20
"""Bytes of a line: what is longer was never one of ours, and may be a hole as large as a disk."""
TOO_LONG = "a line of more than 1 MB"


def append_line(path: Path, lines: bytes) -> None:
    """Add whole lines to the end of `path`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | PLAIN, 0o666)
        try:
            write_all(descriptor, lines)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot_write(path, error) from None


def flush_lines(path: Path) -> None:
    """Make the lines of `path`, if there is one, last through a power cut."""
    try:
        if path.exists():
            flush(path)
    except OSError as error:
        raise cannot_write(path, error) from None


def cut_after(path: Path, wanted: Callable[[bytes], bool]) -> bytes:
    """Drop all that stands behind the last line of `path` that is `wanted`; that line, or nothing if none is.

    `wanted` is given lines as they are, their end included; the last may be half a line. Only the end of the file
    is read, as far as needed.
    """
    try:
        with open(path, "rb") as file:
            size, block = file.seek(0, os.SEEK_END), BLOCK
            while True:
                start = max(0, size - block)
                file.seek(start)
                content = file.read(size - start)
                if len(content) >= LONGEST and b"\n" not in content[:LONGEST]:
                    raise OSError(errno.EFBIG, TOO_LONG)
                line, end = last_line(content, wanted, whole=start == 0)
                if line or not start:
                    break
                block *= 4
        if start + end < size:
            os.truncate(path, start + end)
            flush(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    return line


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, one at a time. Errors: OSError, also for what is no file, and for lines without end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a file")
    with open(path, "rb") as file:
        while line := file.readline(LONGEST):
            if len(line) == LONGEST:
                raise OSError(errno.EFBIG, TOO_LONG)
            yield line


def last_line(content: bytes, wanted: Callable[[bytes], bool], *, whole: bool) -> tuple[bytes, int]:
    """The last line of `content` that is `wanted`, and where it ends; where not `whole`, the first is half a line."""
    lines, end = content.splitlines(keepends=True), len(content)
    for line in reversed(lines if whole else lines[1:]):
        if wanted(line):
            return line, end
        end -= len(line)
    return b"", 0


def cannot_write(path: Path, error: OSError) -> CharloopError:
    """The error for a file that does not take what it is given."""
    do = "move it away" if error.strerror == TOO_LONG else "make room on the disk"
    return CharloopError(f"cannot write {path} ({error.strerror})", do=do)
