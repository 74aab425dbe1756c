"""Runs the interactive editor on a terminal: draws it, waits for keys, and ends it in good order."""

import os
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.live import Live

from charloop.cli.interactive.editor import Editor
from charloop.cli.interactive.keys import Key, KeyReader
from charloop.cli.interactive.view import draw_editor
from charloop.errors import CharloopError
from charloop.sessions import Session
from charloop.sessions.interactive import InteractiveSession

RESIZE_SECONDS = 0.2
"""Time between two looks at the size of the terminal."""
SETUP_FLAGS = frozenset(
    {"run", "prompt", "prompt_file", "context", "no_echo", "color", "weights", "cell", "interactive", "label"}
    | {"mix", "mix_weights", "tune"}
)
DRAWING_FLAGS = frozenset(
    {"temperature", "top_k", "top_p", "min_p", "forbid", "bias", "mode", "seed", "unknown"}
    | {"repetition_penalty", "repetition_window"}
)
"""Flags that have a meaning where a person decides how much is written."""


def check_interactive(given: Collection[str]) -> None:
    """Raise CharloopError if there is no terminal, or for a flag that only a network writing alone can follow."""
    for name in sorted(set(given) - SETUP_FLAGS - DRAWING_FLAGS):
        raise CharloopError(
            f"--{name.replace('_', '-')} and --interactive do not go together", do="leave one out"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise CharloopError(
            "--interactive needs a terminal to read keys from and to draw on",
            do="leave it out, and the network writes by itself",
        )


def edit_text(session: Session, *, keeps_prompt: bool, colored: bool) -> str:
    """Let a person write with the network until Ctrl-C, and return the text. The session has read the prompt."""
    editor = Editor(InteractiveSession(session), session.vocabulary, keeps_prompt=keeps_prompt)
    console = Console(highlight=False)
    with (
        ended_by_signals(),
        KeyReader() as keys,
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        try:
            handle_keys(editor, keys, live, colored=colored)
        except KeyboardInterrupt:
            editor.done = True
    return editor.content().decode("utf-8", "replace")


def handle_keys(editor: Editor, keys: KeyReader, live: Live, *, colored: bool) -> None:
    """Draw the editor, wait for a key and do what it means, until the editor is done."""

    def draw() -> tuple[int, int]:
        size = live.console.size
        live.update(draw_editor(editor, size.width, size.height, colored=colored), refresh=True)
        return size.width, size.height

    pressed: Key | None = None
    while not editor.done:
        size = draw()
        while pressed is None and live.console.size == size:
            pressed = keys.read(RESIZE_SECONDS)
        key, pressed = pressed, None
        for _ in editor.press(key) if key else ():
            draw()
            # A key stops the network in the middle of a line, and then does what it means.
            pressed = keys.read(0)
            if pressed:
                break


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn signals that end the process into KeyboardInterrupt, so that the terminal is restored first."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
    before = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
