"""Which command, and what becomes of its errors. Imports nothing heavy: `charloop --help` answers at once."""

import importlib
import sys
from collections.abc import Sequence

from charloop.cli.exit_codes import FAILED, INTERRUPTED
from charloop.cli.terminal.output import mute, prepare, visible
from charloop.errors import CharloopError, unknown_name

COMMANDS = {
    "train": "train a network on any text",
    "sample": "let a trained network write",
    "eval": "how well a trained network predicts a text",
    "compare": "which of several runs predicts a text best",
    "plot": "the loss curves of runs, as a figure for print",
    "report": "a run as one page to read in a browser",
    "info": "what a run is, what it learned from, how well",
    "baselines": "what simpler ways to predict a text come to",
    "verify": "repeat a run's last steps, and compare bit for bit",
    "cells": "the cells there are, and their options",
    "corpora": "the texts that need no file",
    "presets": "settings that go well together",
    "bench": "time charloop on this machine",
}


def run() -> None:
    """The `charloop` program."""
    prepare()
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command: 0, or 2 after one line on standard error that says what to do, or 130 after Ctrl-C."""
    try:
        return flushed(list(arguments))
    except CharloopError as error:
        print(f"charloop: {visible(' '.join(str(error).split()))}", file=sys.stderr)
        return FAILED
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print(
            "charloop: not enough memory; lower --hidden-size, --batch-size or --seq-length", file=sys.stderr
        )
        return FAILED
    except KeyboardInterrupt:
        # The terminal has shown ^C: what comes next begins on a line of its own.
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        mute()
        return 0


def is_out_of_memory(error: Exception) -> bool:
    """Whether NumPy, or XLA in its own words, could not get the memory it asked for."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def flushed(arguments: list[str]) -> int:
    """Dispatch, then write out what is left, while an error of the output can still be answered."""
    try:
        return dispatch(arguments)
    finally:
        sys.stdout.flush()


def dispatch(arguments: list[str]) -> int:
    """Find the command and hand it the rest."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if arguments[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"charloop {version('charloop')}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        raise unknown_name("command", name, COMMANDS, do="see charloop --help")
    command = importlib.import_module(f"charloop.cli.commands.{name}")
    return int(command.main(rest) or 0)


def usage() -> str:
    """What `charloop --help` shows."""
    commands = "\n".join(f"  {name:10}{summary}" for name, summary in COMMANDS.items())
    return f"""usage: charloop COMMAND ...

Recurrent character language models: any text in, a trained network, new text out.

{commands}

charloop COMMAND --help shows a command's settings. To begin:

  charloop train book.txt --output runs/book
  charloop sample runs/book --prompt "Once upon a time"
"""
