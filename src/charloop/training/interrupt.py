"""Ctrl-C and SIGTERM: the first one ends a run after the current step with a checkpoint, the second at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class Interrupt:
    """Whether someone asked to stop."""

    requested = False

    def request(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one only sets `requested`, the second one raises KeyboardInterrupt."""
        if self.requested:
            signal.default_int_handler(number, frame)
        self.requested = True


@contextmanager
def catch_interrupts(*, signals: bool = True) -> Iterator[Interrupt]:
    """While the block runs, let Ctrl-C and SIGTERM request a stop instead of ending the process, if `signals`.

    Only the main thread receives signals: in any other thread nothing is changed.
    """
    interrupt = Interrupt()
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
