"""Functions that are run in the worker's process in a command's place."""

import time
from collections.abc import Sequence
from pathlib import Path


def import_all(_argv: Sequence[str]) -> None:
    """What every command needs, so that what it takes beyond that can be told."""
    import charloop.trained
    import charloop.training.run  # noqa: F401


def hang(_argv: Sequence[str]) -> None:
    """As a command that waits for what never comes."""
    time.sleep(1000)


def raise_error(_argv: Sequence[str]) -> None:
    """As a command that nobody thought through."""
    raise ZeroDivisionError("of the test")


def die(_argv: Sequence[str]) -> None:
    """As a command in whose C++ something went wrong."""
    import os

    os.abort()


def eat(_argv: Sequence[str]) -> int:
    """As a command that reads all of a file that has no end."""
    held = bytearray(600 << 20)
    held[::4096] = b"x" * len(held[::4096])
    return len(held) * 0


def write(argv: Sequence[str]) -> None:
    """As a command that writes where it should not."""
    Path(argv[0]).write_text("mine")
