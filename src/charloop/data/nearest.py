"""What to tell someone whose text has a character that a vocabulary has not."""

import unicodedata
from collections.abc import Sequence

from charloop.errors import CharloopError

# ruff: noqa: RUF001 - they are here because they look alike
_LOOKALIKES = (
    "'\"`´‘’‚‛“”„«»",
    "-‐‑‒–—―−_",
    " \t\u00a0\u2002\u2003\u2009\u202f\u3000",
    ".…·•",
    "*×x",
    "/÷⁄",
)
_NEAREST = 3


def nearest(character: str, symbols: Sequence[str]) -> tuple[str, ...]:
    """The up to three of `symbols` that most likely stand for `character`, likeliest first.

    First its other case, then its base letter (NFKD), then what looks like it, then its neighbours by code point.
    """
    base = unicodedata.normalize("NFKD", character)[:1]
    alike = [other for group in _LOOKALIKES if character in group for other in group]
    by_code = sorted(symbols, key=lambda symbol: abs(ord(symbol) - ord(character)))
    known = set(symbols)
    candidates = [character.swapcase(), base, base.swapcase(), *alike, *by_code[:2]]
    return tuple(dict.fromkeys(one for one in candidates if one in known))[:_NEAREST]


def describe(character: str) -> str:
    """A character as a person finds it again: its repr and its code point, e.g. `'é' (U+00E9)`."""
    return f"{character!r} (U+{ord(character):04X})"


def unknown_character(character: str, where: str, symbols: Sequence[str]) -> CharloopError:
    """The error for a character that is in no vocabulary; `where` says where it stands."""
    return CharloopError(
        f"{where}: the character {describe(character)} is not among the {len(symbols)} known ones",
        allowed=f"nearest are {', '.join(map(repr, nearest(character, symbols)))}",
        do="change it, or leave such characters out with --unknown skip",
    )


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """The line and column (both from 1) of the character at `index`."""
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1
