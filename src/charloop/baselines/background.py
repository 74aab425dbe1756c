"""Baselines measured in a thread beside other work, so that training does not wait for them."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
from jaxtyping import Integer

from charloop.baselines.measuring import Baselines
from charloop.baselines.store import find_baselines
from charloop.data import Vocabulary
from charloop.errors import CharloopError

NICENESS = 10
"""Of nice(2): training and compiling come first."""


class BackgroundMeasurement:
    """A measurement of baselines in a daemon thread.

    A thread suffices: sorting and compressing release Python's global lock, and nothing has to be started, sent or
    stopped as for a process.
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
        """Start measuring; parameters as `find_baselines`."""
        self.found: tuple[str, Baselines] | None = None
        """The key and the baselines, once they are measured."""
        self.failure: str | None = None
        """The reason, if they could not be measured."""

        def work() -> None:
            # On Linux, where threads have priorities of their own.
            if sys.platform == "linux":
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            try:
                self.found = find_baselines(train, text, vocabulary, kept=kept, cache=cache)
            except (CharloopError, MemoryError, OSError) as error:
                self.failure = str(error) or type(error).__name__

        self._thread = threading.Thread(target=work, name="baselines", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether the measurement has succeeded or failed."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Block until the measurement is over."""
        self._thread.join()
