"""A folder that is whole or not there: filled beside its place, and moved into it."""

import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from charloop.checkpoint.run_folder import RunFolder
from charloop.checkpoint.saves import Tensors
from charloop.errors import CharloopError
from charloop.files.atomic import flush_folder, saving


def export_run(run: RunFolder, path: Path, params: Tensors, facts: Mapping[str, Any]) -> None:
    """Write these weights as a run of their own to `path`: without saves, so that it can be loaded and not resumed.

    Raises CharloopError if `path` is in use or cannot be written.
    """

    def fill(place: Path) -> None:
        made = replace(run, path=place)
        made.begin()
        made.save_weights(params, facts)
        made.write_config()

    write_folder(path, fill)


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make the folder `path` of what `fill` writes to the empty folder that it is given.

    Raises CharloopError if there is something at `path`, or it cannot be written; then nothing is left behind.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise CharloopError(f"{path} is not empty", do="choose another folder")
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.charloop")
    try:
        with saving(path):
            beside.mkdir(parents=True)
        fill(beside)
        with saving(path):
            if path.is_dir():  # empty: some systems put nothing in the place of a folder
                path.rmdir()
            os.rename(beside, path)
            flush_folder(path.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
