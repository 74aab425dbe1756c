"""Find and run a command, and print its errors. Imports nothing heavy: `charloop --help` answers at once."""

import _thread
import errno
import importlib
import sys
from collections.abc import Sequence
from threading import Timer
from typing import Any

from charloop.cli.exit_codes import FAILED, INTERRUPTED
from charloop.cli.terminal.output import mute, prepare, visible
from charloop.errors import CharloopError, is_out_of_memory, unknown_name

COMMANDS = {
    "train": "train a network on any text",
    "sample": "generate text with a trained network",
    "eval": "measure how well a network predicts a text",
    "compare": "compare trained networks on the same text",
    "sweep": "train several cells and seeds, and compare them",
    "vectors": "write each document of a text as a vector",
    "compress": "compress a file with a trained network",
    "decompress": "give back what was compressed, byte for byte",
    "export": "write a trained network as a page, code or a graph",
    "import-torch": "make a run of a network trained in PyTorch",
    "serve": "answer HTTP requests with trained networks",
    "plot": "draw loss curves as a figure for print",
    "push": "put a trained network on the Hugging Face hub",
    "report": "show a run as one page, to read in a browser",
    "info": "show a run's network, text, settings and losses",
    "baselines": "measure n-grams and compressors on a text",
    "verify": "repeat a run's last steps and compare the bits",
    "cells": "list the cells and their options",
    "corpora": "list the texts that have a name and need no file",
    "presets": "list the presets: named sets of settings",
    "bench": "measure the speed of this machine",
}

LISTS = ("cells", "corpora", "presets")

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The errors of a disk that takes no more."""


def run() -> None:
    """The `charloop` program."""
    prepare()
    sys.unraisablehook = insist
    sys.exit(main(sys.argv[1:]))


def insist(lost: Any) -> None:
    """Repeat a Ctrl-C that came in a call that cannot fail, such as JAX's part in collecting garbage."""
    if not isinstance(lost.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    later = Timer(0.01, _thread.interrupt_main)  # not at once: that would be within this function
    later.daemon = True
    later.start()


def main(arguments: Sequence[str]) -> int:
    """Run one command. Return 0, or 2 after one line on standard error that says what to do, or 130 after Ctrl-C."""
    try:
        try:
            return dispatch(list(arguments))
        finally:
            # The errors of writing are handled below too.
            sys.stdout.flush()
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
        # The terminal shows ^C: start a new line after it.
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        mute()
        return 0
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        mute()
        print(f"charloop: cannot write the output ({error.strerror}); make room", file=sys.stderr)
        return FAILED


def dispatch(arguments: list[str]) -> int:
    """Call the command that the first argument names with the other arguments."""
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
    if name in LISTS:
        command = importlib.import_module(f"charloop.cli.lists.{name}")
    else:
        command = importlib.import_module(f"charloop.cli.commands.{name.replace('-', '_')}")
    return int(command.main(rest) or 0)


def usage() -> str:
    """Return what `charloop --help` prints."""
    commands = "\n".join(f"  {name:14}{summary}" for name, summary in COMMANDS.items())
    return f"""usage: charloop COMMAND ...

Train a recurrent character language model on any text,
and generate new text with it.

{commands}

charloop COMMAND --help shows the flags of a command.
To begin:

  charloop train book.txt --output runs/book
  charloop sample runs/book --prompt "Once upon a time"
"""
