"""Ctrl-C and SIGTERM end a run cleanly: the step in hand is finished, the state saved. A second one is obeyed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType


class Interrupt:
    """Whether someone asked to stop."""

    requested = False

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        self.tell = tell

    def request(self, number: int, frame: FrameType | None) -> None:
        """The signal handler: the first time noted, the second time obeyed."""
        if self.requested:
            signal.default_int_handler(number, frame)
        self.requested = True
        self.tell()


@contextmanager
def catch_interrupts(tell: Callable[[], None] = lambda: None) -> Iterator[Interrupt]:
    """Note signals, and `tell`, instead of dying of them, while the block lasts; only in the main thread."""
    interrupt = Interrupt(tell)
    if current_thread() is not main_thread():
        yield interrupt
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, interrupt.request) for number in numbers]
    try:
        yield interrupt
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
