"""Text on a terminal, coloured by the surprise of each character to the network that wrote it."""

import os
import sys
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from charloop.cli.terminal.output import visible
from charloop.display import SURPRISE, level_of_surprise, name_ranges
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.sampling import Beginning
    from charloop.trained import TrainedModel

RESET = "\x1b[0m"


def colored(text: str, color: int) -> str:
    """Return `text` in one of the terminal's 256 colours."""
    return f"\x1b[38;5;{color}m{text}{RESET}"


def make_legend() -> str:
    """Return the ranges of bits, each in its colour; several levels of the scale share a colour on a terminal."""
    colors = {level.terminal: level.bits for level in reversed(SURPRISE)}
    names = name_ranges([*reversed(colors.values())])
    parts = [colored(name, color) for name, color in zip(names, reversed(colors), strict=True)]
    return "bits, by the network's own probabilities: " + ", ".join(parts)


LEGEND = make_legend()


def wants_color() -> bool:
    """Return whether to colour standard output: NO_COLOR says no, FORCE_COLOR yes, otherwise only on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


class Painter:
    """Reads what the network writes and colours it. The prompt is read after `beginning`, as `unknown` says.

    Raises CharloopError for a network of bytes, whose characters are several ids each.
    """

    def __init__(
        self, network: "TrainedModel", prompt: str, unknown: Literal["error", "skip"], beginning: "Beginning"
    ) -> None:
        from charloop.sampling.prompt import prepend_beginning

        vocabulary = network.vocabulary
        if vocabulary.unit == "byte":
            raise CharloopError(
                "--color surprise",
                got="a network of bytes",
                allowed="a network of characters",
                do="leave --color out",
            )
        ids = vocabulary.encode(prompt, unknown)
        self._network, self._prompt = network, prepend_beginning(vocabulary, ids, beginning, unknown)
        self.again()

    def again(self) -> "Painter":
        """Return to the end of the prompt, for another text."""
        from charloop.sampling.surprise import SurpriseReader

        self._reader = SurpriseReader(self._network.model, self._network.params, self._prompt)
        return self

    def paint(self, piece: str) -> str:
        """Return `piece`, the text that comes next, in colours, with control characters as harmless symbols."""
        bits = self._reader.feed(self._network.vocabulary.encode(piece))
        runs = groupby(zip(piece, bits, strict=True), key=lambda at: color_of(float(at[1])))
        return "".join(colored(visible("".join(c for c, _ in run)), color) for color, run in runs)


def color_of(bits: float) -> int:
    """Return the colour of a character that cost `bits`."""
    return level_of_surprise(bits).terminal
