"""The training states of a run: a file for each save, named by its step, the newest few of them kept."""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from charloop.checkpoint.names import FORMER_STATE, SAVES, VOCABULARY
from charloop.checkpoint.tensors import damaged, load_tensors, save_tensors
from charloop.errors import CharloopError
from charloop.files.atomic import flush_folder, saving

NAME = re.compile(r"step-(\d{9,18})\.safetensors")

Tensors = dict[str, np.ndarray]


class Save(NamedTuple):
    """A training state as it was saved."""

    tensors: Tensors
    facts: dict[str, Any]
    """The host's part of it."""
    path: Path
    notes: tuple[str, ...] = ()
    """What there is to say of newer saves that could not be read."""


@dataclass(frozen=True)
class Saves:
    """The saves of the run in `run`, whose vocabulary has this fingerprint."""

    run: Path
    fingerprint: str

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.run / SAVES

    def path_of(self, step: int) -> Path:
        """The file of the save after `step` updates."""
        return self.folder / f"step-{step:09}.safetensors"

    def write(self, step: int, tensors: Tensors, facts: Mapping[str, Any], keep: int) -> None:
        """Save the state after `step` updates; then, and only then, forget all but the `keep` newest up to it."""
        if not self.folder.is_dir():
            with saving(self.folder):
                self.folder.mkdir()
                flush_folder(self.run)
        write_tensors(self.path_of(step), tensors, facts, self.fingerprint)
        for old in [path for path in self.paths() if step_of(path) <= step][keep:]:
            with contextlib.suppress(OSError):
                os.unlink(old)

    def paths(self) -> list[Path]:
        """The files of all saves, the newest first."""
        here = self.folder.iterdir() if self.folder.is_dir() else []
        named = sorted((path for path in here if NAME.fullmatch(path.name)), key=step_of, reverse=True)
        return [*named, *(path for path in [self.run / FORMER_STATE] if path.exists())]

    def read(self, path: Path) -> Save:
        """The save in `path`; CharloopError if it is damaged, or of another run."""
        return Save(*read_tensors(path, self.run, self.fingerprint), path)

    def newest(self) -> Save:
        """The newest save that can be read, with a note for each newer one that could not.

        Raises CharloopError if there is none.
        """
        paths, errors = self.paths(), list[CharloopError]()
        for path in paths:
            try:
                tensors, metadata = load_tensors(path)
            except CharloopError as error:
                errors.append(error)
                continue
            notes = tuple(f"{error.what}; {path.name} is taken instead" for error in errors)
            return Save(tensors, checked(metadata, path, self.run, self.fingerprint), path, notes)
        if errors:
            raise errors[0]
        raise CharloopError(
            f"{self.folder} is missing or empty",
            do="the run was copied in part: copy it again, or start a new one from its weights with --init-from",
        )


def step_of(path: Path) -> int:
    """The step in a save's name; -1 for a former save, which is older than all others."""
    found = NAME.fullmatch(path.name)
    return int(found[1]) if found else -1


def write_tensors(path: Path, tensors: Tensors, facts: Mapping[str, Any], fingerprint: str) -> None:
    """Write arrays, and the facts that go with them, of a network with the vocabulary of this fingerprint."""
    save_tensors(path, tensors, {"vocabulary": fingerprint, "facts": json.dumps(dict(facts))})


def read_tensors(path: Path, run: Path, fingerprint: str) -> tuple[Tensors, dict[str, Any]]:
    """What `write_tensors` wrote to a file of `run`; CharloopError if it is damaged, or of another run."""
    tensors, metadata = load_tensors(path)
    return tensors, checked(metadata, path, run, fingerprint)


def checked(metadata: Mapping[str, str], path: Path, run: Path, fingerprint: str) -> dict[str, Any]:
    """The facts in the `metadata` of `path`; CharloopError if it has another vocabulary than `run`."""
    if metadata.get("vocabulary") != fingerprint:
        name = path.relative_to(run)
        raise CharloopError(
            f"{run / VOCABULARY} does not fit {name} beside it", do="copy both from the same run"
        )
    try:
        facts = json.loads(metadata.get("facts", "{}"))
    except (ValueError, RecursionError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(facts, dict):
        raise damaged(path, "its facts are no JSON object")
    return facts
