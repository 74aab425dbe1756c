"""TensorBoard's event files, in RUN/tensorboard/: one for each sitting, which takes back what an earlier one foresaw.

A file is records of TensorFlow's TFRecord format (length, its checksum, content, its checksum), each an `Event`. They
are written here, one call to the system each, so that all that a save knows of is in the file though the process is
killed; tensorboardX's own writers keep them back for a thread, or flush each to the disk.
"""

import re
import shlex
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from charloop.checkpoint import append_line, flush_lines
from charloop.configfile import to_dict
from charloop.training.events import Started
from charloop.training.loggers.base import not_installed, own_folder

FOLDER = "tensorboard"
VERSION = "brain.Event:2"


class TensorBoard:
    """A logger of event files."""

    def __init__(self) -> None:
        try:
            from tensorboardX import record_writer, summary
            from tensorboardX.proto import event_pb2
        except ImportError:
            raise not_installed("tensorboard", "tensorboardX") from None
        self._checksum, self._summary, self._events = record_writer.masked_crc32c, summary, event_pb2

    def begin(self, started: Started) -> str:
        """A new file, which takes the place of what is there of steps after `started.resumed_at`.

        The configuration stands at the first step that is made with it.
        """
        first = started.resumed_at + 1
        self.path = next_file(own_folder(started.folder / FOLDER))
        self._write(file_version=VERSION)
        start = self._events.SessionLog(status=self._events.SessionLog.START)
        self._write(step=first, session_log=start)
        config = to_dict(started.config)
        for part in self._summary.hparams(flat(config), {"validation/loss": None})[:2]:
            self._write(step=first, summary=part)
        self.text(first, "configuration", tomli_w.dumps(config))
        return f"{self.path.parent}, to be seen by tensorboard --logdir {shlex.quote(str(self.path.parent))}"

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """One event."""
        kind = self._summary.Summary
        content = kind(value=[kind.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._write(step=step, summary=content)

    def text(self, step: int, name: str, text: str) -> None:
        """As it is, where TensorBoard would make Markdown of it."""
        plain = text.encode("utf-8", "backslashreplace").decode()
        block = "\n".join(f"    {line}" for line in plain.split("\n"))
        self._write(step=step, summary=self._summary.text(name, block))

    def close(self) -> None:
        """Make the file last through a power cut."""
        flush_lines(self.path)

    def _write(self, **parts: Any) -> None:
        event = self._events.Event(wall_time=time.time(), **parts)
        append_line(self.path, record(event.SerializeToString(), self._checksum))


def record(content: bytes, checksum: Any) -> bytes:
    """`content` as a record of the file."""
    length = struct.pack("<Q", len(content))
    return b"".join(
        (length, struct.pack("<I", checksum(length)), content, struct.pack("<I", checksum(content)))
    )


def next_file(folder: Path) -> Path:
    """A name behind all that are there in alphabetical order, the order in which TensorBoard reads them."""
    taken = [re.match(r"events\.out\.tfevents\.(\d{10})\.", entry.name) for entry in folder.iterdir()]
    latest = max((int(found[1]) for found in taken if found), default=0)
    return folder / f"events.out.tfevents.{max(int(time.time()), latest + 1):010d}.charloop"


def flat(config: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Settings by one name each, such as `model.cell`, their lists as text."""
    return {
        f"{section}.{key}": " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for section, values in config.items()
        for key, value in values.items()
    }
