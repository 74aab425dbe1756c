"""How a terminal and a page show text: symbols for invisible characters, and the colours of surprise."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from charloop.data.decoding import STRAY_BYTES, stray_byte


class Blank(NamedTuple):
    """How a character that leaves nothing on the page is shown."""

    symbol: str
    name: str


BLANKS = {
    " ": Blank("␣", "space"),
    "\n": Blank("↵", "new line"),
    "\t": Blank("⇥", "tab"),
    "\N{OBJECT REPLACEMENT CHARACTER}": Blank("◆", "label of a document"),
}
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories: control and format characters, surrogates, line and paragraph separators."""


class Level(NamedTuple):
    """One level of the surprise scale: where it begins, and its colours."""

    bits: float
    light: str
    """Background on a light page."""
    dark: str
    """Background on a dark page."""
    ink: tuple[str, str] | None
    """Text colours on these two backgrounds; None: the page's own."""
    terminal: int
    """Number of the text colour among a terminal's 256. Medium brightness: readable on black and on white."""


# One hue, each level farther from the page than the last: the order is visible without colour vision too.
SURPRISE = (
    Level(0.0, "transparent", "transparent", None, 28),
    Level(0.25, "#fff4dc", "#2d2418", None, 28),
    Level(0.5, "#ffe3b3", "#45321a", None, 28),
    Level(1.0, "#fecb80", "#63441a", None, 31),
    Level(2.0, "#fba94c", "#855a19", None, 133),
    Level(3.0, "#ef8426", "#b57b20", ("#1d1f23", "#15171a"), 133),
    Level(4.0, "#bf5209", "#d18f2c", ("#ffffff", "#15171a"), 160),
    Level(6.0, "#a5410a", "#f0b155", ("#ffffff", "#15171a"), 160),
    Level(8.0, "#742806", "#ffdc9a", ("#ffffff", "#15171a"), 160),
)
"""The levels roughly double from one to the next where most characters lie."""


def level_of_surprise(bits: float) -> Level:
    """Return the level of a character that cost `bits`, 0 or more."""
    return SURPRISE[max(0, bisect_right(SURPRISE, bits, key=lambda level: level.bits) - 1)]


def name_ranges(edges: list[float]) -> Iterator[str]:
    """Yield "0 to 1", "1 to 2", ..., "2 and more" for the ranges of bits that begin at `edges`."""
    yield from (f"{low:g} to {high:g}" for low, high in pairwise(edges))
    yield f"{edges[-1]:g} and more"


def show_character(character: str) -> str:
    r"""Return a visible symbol: ␣ ↵ ⇥, \x80 for a byte that is part of no character, U+202E for invisible ones."""
    if character in BLANKS:
        return BLANKS[character].symbol
    if ord(character) in STRAY_BYTES:
        return f"\\x{stray_byte(character):02x}"
    if unicodedata.category(character) in INVISIBLE or character.isspace():
        return f"U+{ord(character):04X}"
    # A combining mark needs something to stand on.
    return f"◌{character}" if unicodedata.combining(character) else character


def name_character(character: str) -> str:
    """Return the name of a blank or invisible character; "" for one that can be seen."""
    if character in BLANKS:
        return BLANKS[character].name
    return unicodedata.name(character, "").lower() if show_character(character).startswith("U+") else ""
