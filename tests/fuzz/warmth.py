"""Functions that run in the worker's process instead of a command."""

import time
from collections.abc import Sequence
from pathlib import Path


def import_all(_argv: Sequence[str]) -> None:
    """Import what every command needs, so that the memory beyond that can be measured."""
    import charloop.trained
    import charloop.training.run  # noqa: F401


def hang(_argv: Sequence[str]) -> None:
    """Behave as a command that waits forever."""
    time.sleep(1000)


def raise_error(_argv: Sequence[str]) -> None:
    """Behave as a command with a mistake."""
    raise ZeroDivisionError("of the test")


def die(_argv: Sequence[str]) -> None:
    """Behave as a command whose C++ code crashes."""
    import os

    os.abort()


def eat(_argv: Sequence[str]) -> int:
    """Behave as a command that reads an endless file into memory."""
    held = bytearray(600 << 20)
    held[::4096] = b"x" * len(held[::4096])
    return len(held) * 0


def write(argv: Sequence[str]) -> None:
    """Behave as a command that writes where it should not."""
    Path(argv[0]).write_text("mine")
