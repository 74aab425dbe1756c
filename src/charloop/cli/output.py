"""Standard output that never stops a command: no character is too strange for it, no reader leaves too early."""

import io
import os
import sys


def prepare() -> None:
    r"""Write what the terminal's encoding lacks as \N{...} or \x.. instead of dying of it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def mute() -> None:
    """Whoever read our output has gone (`| head`): nothing is wrong, and nobody is left to tell."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
