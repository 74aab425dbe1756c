"""Ctrl-C and SIGTERM end a run cleanly: the step in hand is finished, the state saved. A second one is obeyed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class Interrupt:
    """Whether someone asked to stop."""

    requested = False

    def request(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: the first time noted and nothing else, the second time obeyed."""
        if self.requested:
            signal.default_int_handler(number, frame)
        self.requested = True


@contextmanager
def catch_interrupts(*, signals: bool = True) -> Iterator[Interrupt]:
    """Note Ctrl-C and SIGTERM instead of dying of them while the block lasts, if `signals`.

    Signals come to the main thread: in another there are none to take over, and none are.
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
            # None: a handler that was not installed from Python, and cannot be from here.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
