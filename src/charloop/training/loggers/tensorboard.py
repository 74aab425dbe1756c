"""TensorBoard's event files in RUN/tensorboard/: one for each invocation, which replaces the steps that it repeats.

A file is a sequence of records in TensorFlow's TFRecord format (length, its checksum, content, its checksum), each an
`Event`. They are written here, each by one system call, so that all events before a checkpoint are in the file if the
process is killed. The writers of tensorboardX buffer them in a thread, or flush each to the disk.
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
from charloop.training.loggers.base import make_own_folder, not_installed

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
        """Begin a file, which replaces the existing events of steps after `started.resumed_at`.

        The configuration is logged at the first step that uses it.
        """
        first = started.resumed_at + 1
        self.path = next_event_file(make_own_folder(started.folder / FOLDER))
        self._write(file_version=VERSION)
        start = self._events.SessionLog(status=self._events.SessionLog.START)
        self._write(step=first, session_log=start)
        config = to_dict(started.config)
        for part in self._summary.hparams(flatten_config(config), {"validation/loss": None})[:2]:
            self._write(step=first, summary=part)
        self.text(first, "configuration", tomli_w.dumps(config))
        return f"{self.path.parent}, view it with tensorboard --logdir {shlex.quote(str(self.path.parent))}"

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write one event."""
        kind = self._summary.Summary
        content = kind(value=[kind.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        self._write(step=step, summary=content)

    def text(self, step: int, name: str, text: str) -> None:
        """Write a text as a code block, which TensorBoard does not read as Markdown."""
        plain = text.encode("utf-8", "backslashreplace").decode()
        block = "\n".join(f"    {line}" for line in plain.split("\n"))
        self._write(step=step, summary=self._summary.text(name, block))

    def close(self) -> None:
        """Flush the file to the disk."""
        flush_lines(self.path)

    def _write(self, **parts: Any) -> None:
        event = self._events.Event(wall_time=time.time(), **parts)
        append_line(self.path, encode_tfrecord(event.SerializeToString(), self._checksum))


def encode_tfrecord(content: bytes, checksum: Any) -> bytes:
    """Return `content` as a record of the file."""
    length = struct.pack("<Q", len(content))
    return b"".join(
        (length, struct.pack("<I", checksum(length)), content, struct.pack("<I", checksum(content)))
    )


def next_event_file(folder: Path) -> Path:
    """Return a name after all existing ones in alphabetical order, in which TensorBoard reads them."""
    taken = [re.match(r"events\.out\.tfevents\.(\d{10})\.", entry.name) for entry in folder.iterdir()]
    latest = max((int(found[1]) for found in taken if found), default=0)
    return folder / f"events.out.tfevents.{max(int(time.time()), latest + 1):010d}.charloop"


def flatten_config(config: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return settings by names such as `model.cell`, with lists as text."""
    return {
        f"{section}.{key}": " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        for section, values in config.items()
        for key, value in values.items()
    }
