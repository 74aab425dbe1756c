"""charloop eval: how well a trained network predicts a text."""

from charloop.cli.commands.eval.command import main

__all__ = ["main"]
