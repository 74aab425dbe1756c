"""charloop bench: time charloop on this machine."""

from charloop.cli.commands.bench.command import main

__all__ = ["main"]
