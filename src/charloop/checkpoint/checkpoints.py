"""The checkpoints of a run: a file for each, named by its step, of which the newest few are kept."""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from charloop.checkpoint.checksums import damaged, load_tensors, save_tensors
from charloop.checkpoint.names import CHECKPOINTS, FIRST_STATE, FORMER_CHECKPOINTS, VOCABULARY
from charloop.errors import CharloopError
from charloop.files.atomic import flush_folder, saving

NAME = re.compile(r"step-(\d{9,18})\.safetensors")

Tensors = dict[str, np.ndarray]


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    tensors: Tensors
    """The training state."""
    facts: dict[str, Any]
    """The host's part of the training state."""
    path: Path
    notes: tuple[str, ...] = ()
    """A note for each newer checkpoint that is damaged."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of the run in the folder `run`, whose vocabulary has this fingerprint."""

    run: Path
    fingerprint: str

    @property
    def folder(self) -> Path:
        """The folder of the checkpoints."""
        former, current = self.run / FORMER_CHECKPOINTS, self.run / CHECKPOINTS
        return former if former.is_dir() and not current.is_dir() else current

    def path_of(self, step: int) -> Path:
        """Return the file of the checkpoint after `step` updates."""
        return self.folder / f"step-{step:09}.safetensors"

    def write(self, step: int, tensors: Tensors, facts: Mapping[str, Any], keep: int) -> None:
        """Save the state after `step` updates; only then remove all up to it but the `keep` newest."""
        if not self.folder.is_dir():
            with saving(self.folder):
                self.folder.mkdir()
                flush_folder(self.run)
        write_tensors(self.path_of(step), tensors, facts, self.fingerprint)
        for old in [path for path in self.paths() if step_of(path) <= step][keep:]:
            with contextlib.suppress(OSError):
                os.unlink(old)

    def paths(self) -> list[Path]:
        """Return the files of all checkpoints, the newest first."""
        here = self.folder.iterdir() if self.folder.is_dir() else []
        named = sorted((path for path in here if NAME.fullmatch(path.name)), key=step_of, reverse=True)
        return [*named, *(path for path in [self.run / FIRST_STATE] if path.exists())]

    def read(self, path: Path) -> Checkpoint:
        """Read the checkpoint in `path`; CharloopError if it is damaged, or of another run."""
        return Checkpoint(*read_tensors(path, self.run, self.fingerprint), path)

    def newest(self) -> Checkpoint:
        """Read the newest intact checkpoint, with a note for each newer one that is damaged.

        Raises CharloopError if there is none.
        """
        paths, errors = self.paths(), list[CharloopError]()
        for path in paths:
            try:
                tensors, metadata = load_tensors(path)
            except CharloopError as error:
                errors.append(error)
                continue
            notes = tuple(f"{error.what}; {path.name} is used instead" for error in errors)
            return Checkpoint(tensors, read_facts(metadata, path, self.run, self.fingerprint), path, notes)
        if errors:
            raise errors[0]
        raise CharloopError(
            f"{self.folder} is missing or empty",
            do="the run was copied in part: copy it again, or start a new one from its weights with --init-from",
        )


def step_of(path: Path) -> int:
    """Return the step in a checkpoint's name; -1 for that of the first releases, which is older than all others."""
    found = NAME.fullmatch(path.name)
    return int(found[1]) if found else -1


def write_tensors(path: Path, tensors: Tensors, facts: Mapping[str, Any], fingerprint: str) -> None:
    """Write arrays and facts of a network whose vocabulary has this fingerprint."""
    save_tensors(path, tensors, {"vocabulary": fingerprint, "facts": json.dumps(dict(facts))})


def read_tensors(path: Path, run: Path, fingerprint: str) -> tuple[Tensors, dict[str, Any]]:
    """Read what `write_tensors` wrote to a file of `run`; CharloopError if it is damaged, or of another run."""
    tensors, metadata = load_tensors(path)
    return tensors, read_facts(metadata, path, run, fingerprint)


def read_facts(metadata: Mapping[str, str], path: Path, run: Path, fingerprint: str) -> dict[str, Any]:
    """Return the facts in the `metadata` of `path`; CharloopError if its vocabulary is not that of `run`."""
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
        raise damaged(path, "its facts are not a JSON object")
    return facts
