"""Text coloured by what each character cost the network that wrote it."""

import os
import sys
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from charloop.cli.terminal.output import visible
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.sampling import Beginning
    from charloop.trained import TrainedModel

# Of middle brightness in the 256 colours, so that both a black and a white ground show them.
LEVELS = ((1.0, 28), (2.0, 31), (4.0, 133), (float("inf"), 160))
"""Bits below which a character has a colour, and its number."""
RESET = "\x1b[0m"


def colored(text: str, color: int) -> str:
    """`text` in one of the terminal's 256 colours."""
    return f"\x1b[38;5;{color}m{text}{RESET}"


def _legend() -> str:
    edges = [0.0, *(edge for edge, _ in LEVELS)]
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges[:-1])] + [f"{edges[-2]:g} and more"]
    parts = [colored(name, color) for name, (_, color) in zip(names, LEVELS, strict=True)]
    return "bits, by the network's own probabilities: " + ", ".join(parts)


LEGEND = _legend()


def wants_color() -> bool:
    """Whether standard output is to be coloured: NO_COLOR says no, FORCE_COLOR yes, else if it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


class Painter:
    """Reads what the network writes and colours it; `unknown` says how the prompt is read, after `beginning`.

    Raises CharloopError for a network of bytes, whose characters are several ids each.
    """

    def __init__(
        self, network: "TrainedModel", prompt: str, unknown: Literal["error", "skip"], beginning: "Beginning"
    ) -> None:
        from charloop.sampling.prompt import prepend_beginning

        vocabulary = network.vocabulary
        if len(set(vocabulary.decode(np.arange(vocabulary.size)))) < vocabulary.size:
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
        """Back to the end of the prompt, for another text."""
        from charloop.sampling.surprise import SurpriseReader

        self._reader = SurpriseReader(self._network.model, self._network.params, self._prompt)
        return self

    def paint(self, piece: str) -> str:
        """`piece`, the text that comes next, in colours; control characters stay marks that do nothing."""
        bits = self._reader.feed(self._network.vocabulary.encode(piece))
        runs = groupby(zip(piece, bits, strict=True), key=lambda at: color_of(float(at[1])))
        return "".join(colored(visible("".join(c for c, _ in run)), color) for color, run in runs)


def color_of(bits: float) -> int:
    """The colour of a character that cost so many bits."""
    return next((color for edge, color in LEVELS if bits < edge), LEVELS[-1][1])
