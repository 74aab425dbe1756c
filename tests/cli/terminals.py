"""A pseudo-terminal with a command in it, for tests that press keys and look at the screen."""

import codecs
import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cli.commands import program, without_controls

PATIENCE = 120.0
"""Seconds to wait for expected output."""


@dataclass
class Terminal:
    """Where a command runs, and what it has written there."""

    running: subprocess.Popen[bytes]
    master: int
    slave: int
    written: str = ""
    decoder: codecs.IncrementalDecoder = field(default_factory=codecs.getincrementaldecoder("utf-8"))

    def send(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, found: str) -> list[str]:
        """The rows of the screen, once `found` is in one of them."""
        end = time.monotonic() + PATIENCE
        while not any(found in row for row in self.screen()):
            assert time.monotonic() < end, f"no {found!r} in {self.written[-3000:]!r}"
            self.read()
        return self.screen()

    def read(self) -> None:
        if select.select([self.master], [], [], 0.1)[0]:
            # What is read may end within a character.
            self.written += self.decoder.decode(os.read(self.master, 65536))

    def screen(self) -> list[str]:
        """What was drawn last, from the top."""
        return without_controls(self.written.rpartition("\x1b[H")[2]).splitlines()

    def ended(self) -> str:
        """What is left on the screen when the command has ended."""
        end = time.monotonic() + PATIENCE
        while self.running.poll() is None:
            assert time.monotonic() < end
            self.read()
        self.read()
        return without_controls(self.written.rpartition("\x1b[?1049l")[2])


@contextmanager
def open_terminal(*arguments: str) -> Iterator[Terminal]:
    """Run `charloop ARGUMENTS` in a terminal of 24 rows and 80 columns."""
    master, slave = os.openpty()
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")} | {"TERM": "xterm"}
    running = subprocess.Popen(program(*arguments), stdin=slave, stdout=slave, stderr=slave, env=environment)
    made = Terminal(running, master, slave)
    made.resize(24, 80)
    try:
        yield made
    finally:
        running.kill()
        running.wait()
        os.close(master)
        os.close(slave)
