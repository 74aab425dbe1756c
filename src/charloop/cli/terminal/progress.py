"""One line on a terminal that shows what is being done, and goes away when it is done."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from charloop.wording import describe_reading

if TYPE_CHECKING:
    from charloop.data import Reading, ReadingListener


def progress(text: str = "") -> None:
    """Show what is being done, in place of what was shown before; on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@contextmanager
def reading() -> "Iterator[ReadingListener]":
    """Return a listener that shows on a terminal how far a text is read; the line goes away at the end."""
    since = time.monotonic()
    before: Reading | None = None

    def show(now: "Reading") -> None:
        nonlocal since, before
        if before is None or now.doing != before.doing or now.done < before.done:
            since = time.monotonic()
        before = now
        progress(describe_reading(now, time.monotonic() - since))

    try:
        yield show
    finally:
        progress()
