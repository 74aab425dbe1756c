"""What ends an invocation early: Ctrl-C and SIGTERM (the second one at once), or a share of the budget."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class Interrupt:
    """Whether someone asked to stop, and where to pause."""

    requested = False

    def __init__(self, until: float = 1.0) -> None:
        self.until = until
        """The run pauses at the first evaluation at or past this share of its budget, before its end."""

    def pauses_at(self, progress: float) -> bool:
        """Return whether the run pauses at an evaluation at this progress."""
        return self.until <= progress < 1 and not self.requested

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one only sets `requested`, the second one raises KeyboardInterrupt."""
        if self.requested:
            signal.default_int_handler(number, frame)
        self.requested = True


@contextmanager
def catch_interrupts(*, signals: bool = True, until: float = 1.0) -> Iterator[Interrupt]:
    """While the block runs, let Ctrl-C and SIGTERM request a stop instead of ending the process, if `signals`.

    Only the main thread receives signals: in any other thread nothing is changed.
    """
    interrupt = Interrupt(until)
    if not signals or current_thread() is not main_thread():
        yield interrupt
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt.request) for number in numbers]
    try:
        yield interrupt
    finally:
        for number, handler in zip(numbers, before, strict=True):
            # None means a handler that was not installed from Python and cannot be restored from it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
