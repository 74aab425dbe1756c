"""A ladder measured beside other work: training does not wait for it."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from charloop.baselines.ladder import Ladder
from charloop.baselines.store import find_or_measure
from charloop.data import Vocabulary
from charloop.errors import CharloopError

POLITE = 10
"""Of nice(2): whoever compiles or trains meanwhile goes first."""


class Measuring:
    """A ladder on its way.

    A thread and no process: sorting and compressing leave Python to others, and nothing has to be started, sent or
    stopped. It ends with the process.
    """

    def __init__(
        self,
        train: Integer[np.ndarray, " length"],
        text: Integer[np.ndarray, " characters"],
        vocabulary: Vocabulary,
        *,
        kept: Path | None = None,
        cache: Path | None = None,
    ) -> None:
        """Begin. `kept` is a file that may hold it already; otherwise as `find_or_measure`."""
        self.found: tuple[str, Ladder] | None = None
        """Key and ladder, once it is done."""
        self.failure: str | None = None
        """Why there will be none."""

        def work() -> None:
            give_way()
            try:
                self.found = find_or_measure(train, text, vocabulary, kept=kept, cache=cache)
            except (CharloopError, MemoryError, OSError) as error:
                self.failure = str(error) or type(error).__name__

        self._thread = threading.Thread(target=work, name="baselines", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to wait for."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Until it is over."""
        self._thread.join()


def give_way() -> None:
    """Let this thread alone run after others, where threads have priorities of their own (Linux)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), POLITE)
