"""A new folder that is complete or absent."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charloop.errors import CharloopError
from charloop.files.atomic import flush_folder, saving


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes `path` at the end of the block; after an error nothing is left of it.

    Raises CharloopError if `path` is anything but an empty folder, or cannot be written.
    """
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise CharloopError(
            f"{path} is {'not empty' if path.is_dir() else 'there already'}", do="choose another folder"
        )
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.charloop")
    try:
        with saving(path):
            beside.mkdir(parents=True)
        yield beside
        with saving(path):
            if path.is_dir():  # empty: some systems do not replace a folder
                path.rmdir()
            os.rename(beside, path)
            flush_folder(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
