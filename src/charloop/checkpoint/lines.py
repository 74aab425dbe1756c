"""Files of lines that grow while a run is trained, and are cut back to the checkpoint that it is resumed from."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.atomic import OPEN_FLAGS, flush, write_all

BLOCK = 1 << 20
"""Bytes at the end of a file that are read first."""
MAX_LINE_BYTES = 1 << 20
"""charloop writes no longer line; one may be a sparse file as large as a disk."""
TOO_LONG = "a line of more than 1 MB"


def append_line(path: Path, lines: bytes) -> None:
    """Add whole lines to the end of `path`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | OPEN_FLAGS, 0o666)
        try:
            write_all(descriptor, lines)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot_write(path, error) from None


def flush_lines(path: Path) -> None:
    """Flush `path`, if it exists, to the disk, so that a power cut does not lose its lines."""
    try:
        if path.exists():
            flush(path)
    except OSError as error:
        raise cannot_write(path, error) from None


def cut_after(path: Path, wanted: Callable[[bytes], bool]) -> bytes:
    """Remove everything after the last `wanted` line of `path`. Return that line, or nothing if there is none.

    `wanted` receives lines with their ends; the last line may be incomplete. The file is read backwards from its end,
    only as far as needed.
    """
    try:
        with open(path, "rb") as file:
            size, block = file.seek(0, os.SEEK_END), BLOCK
            while True:
                start = max(0, size - block)
                file.seek(start)
                content = file.read(size - start)
                if len(content) >= MAX_LINE_BYTES and b"\n" not in content[:MAX_LINE_BYTES]:
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
    """Yield the lines of a file. Raises OSError, also if it is not a file or has a line that is too long."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a file")
    with open(path, "rb") as file:
        while line := file.readline(MAX_LINE_BYTES):
            if len(line) == MAX_LINE_BYTES:
                raise OSError(errno.EFBIG, TOO_LONG)
            yield line


def last_line(content: bytes, wanted: Callable[[bytes], bool], *, whole: bool) -> tuple[bytes, int]:
    """Return the last `wanted` line of `content` and its end; unless `whole`, the first line is incomplete."""
    lines, end = content.splitlines(keepends=True), len(content)
    for line in reversed(lines if whole else lines[1:]):
        if wanted(line):
            return line, end
        end -= len(line)
    return b"", 0


def cannot_write(path: Path, error: OSError) -> CharloopError:
    """Return the error for a file that cannot be written."""
    do = "move it away" if error.strerror == TOO_LONG else "make room on the disk"
    return CharloopError(f"cannot write {path} ({error.strerror})", do=do)
