"""charloop compare: which of several networks predicts a text best."""

from charloop.cli.commands.compare.command import main

__all__ = ["main"]
