"""Progress in a notebook: one line below the cell, which is replaced as the work goes on."""

import html
import sys
import time
from typing import Any

from charloop.progress import Progress
from charloop.wording import describe_progress

PAUSE_SECONDS = 0.2
"""Between two changes of a line."""


def is_in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this process. IPython is not imported for that."""
    module: Any = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return getattr(shell, "kernel", None) is not None


class NotebookLine:
    """A line in the output of the cell that is running; it stays as it is where the work is cut short."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._changed = -PAUSE_SECONDS

    @property
    def is_shown(self) -> bool:
        """Whether anything was shown."""
        return self._handle is not None

    def show(self, words: str, share: float | None = None, *, at_once: bool = False) -> None:
        """Replace the line by `words`, after a bar of which `share` (0 to 1) is full, if given.

        It is left out if the line has just been changed, unless `at_once`.
        """
        now = time.monotonic()
        if not at_once and now - self._changed < PAUSE_SECONDS:
            return
        self._changed = now
        bar = (
            "" if share is None else f'<progress value="{min(max(share, 0.0), 1.0):.4f}" max="1"></progress> '
        )
        line = {"text/plain": words, "text/html": f"<pre>{bar}{html.escape(words)}</pre>"}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(line, raw=True, display_id=True)
        else:
            self._handle.update(line, raw=True)


class ReadingLine(NotebookLine):
    """A listener that shows how far a text is read."""

    def __init__(self) -> None:
        super().__init__()
        self._doing, self._since = "", 0.0

    def __call__(self, event: Progress) -> None:
        """Show how far the work is."""
        now = time.monotonic()
        if event.doing != self._doing:
            self._doing, self._since = event.doing, now
        self.show(describe_progress(event, now - self._since), event.done / max(1, event.total))
