"""One line on a terminal that shows what is being done, and goes away when it is done."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from charloop.progress import Progress, ProgressListener
from charloop.wording import describe_progress


def show_status(text: str = "") -> None:
    """Show what is being done, in place of what was shown before; on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


@contextmanager
def showing_progress() -> Iterator[ProgressListener]:
    """Return a listener that shows on a terminal how far a text is read or scored; the line goes away at the end."""
    since = time.monotonic()
    before: Progress | None = None

    def show(now: Progress) -> None:
        nonlocal since, before
        if before is None or now.doing != before.doing or now.done < before.done:
            since = time.monotonic()
        before = now
        show_status(describe_progress(now, time.monotonic() - since))

    try:
        yield show
    finally:
        show_status()
