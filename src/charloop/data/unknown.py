"""Characters that a vocabulary lacks, and the known ones that stand for them most likely."""

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


class UnknownCharacterError(CharloopError):
    """A text has a character that a vocabulary lacks."""

    def advising(self, do: str) -> CharloopError:
        """Return the same error for where unknown characters cannot be left out."""
        return CharloopError(self.what, got=self.got, allowed=self.allowed, do=do)


def unknown_character(character: str, where: str, symbols: Sequence[str]) -> UnknownCharacterError:
    """Return the error for a character that is not among `symbols`; `where` is its position, in words."""
    return UnknownCharacterError(
        f"{where}: the character {character!r} (U+{ord(character):04X}) is not among the {len(symbols)} known ones",
        allowed=f"nearest are {', '.join(map(repr, nearest_symbols(character, symbols)))}",
        do="change it, or leave such characters out with --unknown skip",
    )


def nearest_symbols(character: str, symbols: Sequence[str]) -> tuple[str, ...]:
    """Return up to three of `symbols` that most likely stand for `character`, the likeliest first.

    First its other case, then its base letter (NFKD), then lookalikes, then neighbours by code point.
    """
    base = unicodedata.normalize("NFKD", character)[:1]
    alike = [other for group in _LOOKALIKES if character in group for other in group]
    by_code = sorted(symbols, key=lambda symbol: abs(ord(symbol) - ord(character)))
    known = set(symbols)
    candidates = [character.swapcase(), base, base.swapcase(), *alike, *by_code[:2]]
    return tuple(dict.fromkeys(one for one in candidates if one in known))[:3]
