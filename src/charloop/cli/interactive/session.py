"""charloop sample --interactive: the desk on a terminal."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.live import Live

from charloop.cli.interactive.editor import Desk
from charloop.cli.interactive.keys import Key, Keys
from charloop.cli.interactive.view import picture
from charloop.errors import CharloopError
from charloop.sampling.before import Before
from charloop.sampling.config import SamplingConfig
from charloop.sampling.together import Together
from charloop.trained import TrainedModel

GLANCE = 0.2
"""Seconds between two looks at the terminal's size."""
STARTED = frozenset(
    {"run", "prompt", "prompt_file", "context", "no_echo", "color", "weights", "cell", "interactive"}
)
DRAWING = frozenset({"temperature", "top_k", "top_p", "min_p", "mode", "seed", "unknown"})
"""Flags that mean something where a person decides how much is written."""


def check_interactive(given: set[str]) -> None:
    """Raises CharloopError where there is no terminal, or a flag is given that says when a text ends."""
    for name in sorted(given - STARTED - DRAWING):
        raise CharloopError(
            f"--{name.replace('_', '-')} and --interactive do not go together", do="leave one out"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        raise CharloopError(
            "--interactive needs a terminal to read keys from and to draw on",
            do="leave it out, and the network writes by itself",
        )


def write_together(
    network: TrainedModel,
    prompt: str,
    config: SamplingConfig,
    before: Before,
    *,
    opening: bool,
    colored: bool,
) -> str:
    """Let a person write with the network until Ctrl-C; the text, with the prompt if `opening`."""
    together = Together(network.model, network.params, network.vocabulary, prompt, config, before)
    desk = Desk(together, network.vocabulary, opening=opening)
    console = Console(highlight=False)
    with ended_by_signals(), Keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        try:
            sit(desk, keys, live, colored=colored)
        except KeyboardInterrupt:
            desk.done = True
    return desk.content().decode("utf-8", "replace")


def sit(desk: Desk, keys: Keys, live: Live, *, colored: bool) -> None:
    """Draw, wait for a key, do what it says."""

    def show() -> tuple[int, int]:
        size = live.console.size
        live.update(picture(desk, size.width, size.height, colored=colored), refresh=True)
        return size.width, size.height

    pressed: Key | None = None
    while not desk.done:
        size = show()
        while pressed is None and live.console.size == size:
            pressed = keys.read(GLANCE)
        key, pressed = pressed, None
        for _ in desk.press(key) if key else ():
            show()
            # A key stops the network in the middle of a line, and is then obeyed.
            pressed = keys.read(0)
            if pressed:
                break


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Where the process is asked to end, the terminal is put in order first."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
