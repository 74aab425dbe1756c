"""What is being done, on a terminal only: one line, which goes when it is done."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from charloop.wording import describe_reading

if TYPE_CHECKING:
    from charloop.data import ReadingListener


def progress(text: str = "") -> None:
    """What is being done, on a terminal only, in place of what was said before."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@contextmanager
def reading() -> "Iterator[ReadingListener]":
    """A listener that says on a terminal how far the reading of a text is; what it said goes at the end."""
    begun = time.monotonic()
    try:
        yield lambda told: progress(describe_reading(told, time.monotonic() - begun))
    finally:
        progress()
