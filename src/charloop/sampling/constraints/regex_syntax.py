"""Parses a regular expression of Python's `re` into a tree.

Only its structure is parsed here: `re` itself checks the pattern first, and says later what an atom matches.
"""

import re
import warnings
from dataclasses import dataclass
from typing import Any, TypeAlias

from charloop.errors import CharloopError


@dataclass(frozen=True)
class Atom:
    """A part of the pattern that matches one character: a character, an escape, a set or a dot."""

    source: str
    flags: int


@dataclass(frozen=True)
class Branch:
    """One of several options."""

    options: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    """`item` at least `least` and at most `most` times; None: without limit."""

    item: "Node"
    least: int
    most: int | None


Node: TypeAlias = Atom | Branch | Repeat | tuple["Node", ...]
"""A tuple: its items, one after the other."""

TOKEN = re.compile(
    r"""
      (?P<comment> \(\?\# [^)]* \) | \(\? [aiLmsux]+ \) )  # Flags of the whole pattern count as a comment.
    | (?P<group>   \( (?!\?) | \(\?P< \w+ > | \(\? (?P<added> [aiLmsux]* ) (?: - (?P<removed> [imsx]+ ) )? : )
    | (?P<refused> \(\?P= | \(\? (?: \( | > | <?[=!] ) | \\ (?: [bB] | [1-9] (?! (?<=[1-3]) [0-7]{2} ) ) )
    | (?P<anchor>  [\^$] | \\[AZz] )
    | (?P<repeat>  (?: [*+?] | \{ (?!\}) (?P<least> [0-9]* ) (?: (?P<comma> , ) (?P<most> [0-9]* ) )? \} ) [?+]? )
    | (?P<bar>     \| )
    | (?P<close>   \) )
    | (?P<atom>    \[ \^? \]? (?: \\. | [^\]\\] )* \]
                 | \\ (?: N\{ [^}]* \} | x.. | u.{4} | U.{8} | 0[0-7]{0,2} | [1-3][0-7]{2} | . )
                 | . )
    """,
    re.VERBOSE | re.DOTALL,
)
IGNORED = re.compile(r"(?:[ \t\n\r\v\f]|#[^\n]*)*")
"""What re.VERBOSE ignores between tokens."""
REFUSED = {
    "^": "^, $ or \\b inside",
    "\\b": "^, $ or \\b inside",
    "\\B": "^, $ or \\b inside",
    "(?(": "a conditional",
    "(?>": "an atomic group",
    "(?=": "a look-around",
    "(?!": "a look-around",
    "(?<=": "a look-around",
    "(?<!": "a look-around",
    "+": "a possessive repeat",
}
"""Parts of a pattern that are not supported; all others are back references."""
LIMITS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
ATOM_FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII
"""The flags that change what an atom matches."""


def parse_regex(pattern: str | bytes) -> Node:
    """Return the tree of `pattern`, which is to match a text as a whole: ^ and $ around it are left out.

    Raises CharloopError if it does not compile, or is not a regular expression in the strict sense.
    """
    try:
        flags = compile_quietly(pattern).flags
        return _Parser(pattern).parse_branches(flags, outermost=True)
    except (re.error, RecursionError, OverflowError) as error:
        raise pattern_error(pattern, f"does not compile ({error})", "write it as for Python's re") from None


def compile_quietly(pattern: Any, flags: int = 0) -> re.Pattern[Any]:
    """Compile without warnings about what a later Python may read differently."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(pattern, flags)


def pattern_error(pattern: str | bytes, why: str, do: str) -> CharloopError:
    """Return the error for a pattern that cannot be used."""
    shown = pattern if isinstance(pattern, str) else pattern.decode(errors="replace")
    return CharloopError(f"the pattern {shown!r} {why}", do=do)


class _Parser:
    """Reads a pattern that `re` accepts, from left to right."""

    def __init__(self, pattern: str | bytes) -> None:
        self._pattern, self._at = pattern, 0
        self._text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")

    def parse_branches(self, flags: int, *, outermost: bool = False) -> Node:
        """Parse to the end of the group, or of the pattern."""
        options: list[Node] = []
        while True:
            items, end = self._parse_option(flags)
            if outermost and items[:1] == ["^"]:
                items = items[1:]
            if outermost and items[-1:] == ["$"]:
                items = items[:-1]
            if "^" in items or "$" in items:
                raise self._refusal("^")
            options.append(tuple(item for item in items if not isinstance(item, str)))
            if end != "bar":
                return Branch(tuple(options)) if len(options) > 1 else options[0]

    def _parse_option(self, flags: int) -> tuple[list[Node | str], str | None]:
        """Return the items of one option (anchors as "^" or "$"), and the kind of the token after them."""
        items: list[Node | str] = []
        while (token := self._next_token(flags)) and token.lastgroup not in ("bar", "close"):
            kind, source = token.lastgroup, token[0]
            if kind == "refused":
                raise self._refusal(source)
            if kind == "group":
                items.append(self.parse_branches(combine_flags(flags, token["added"], token["removed"])))
            elif kind == "repeat":
                items[-1] = self._repeat(items[-1], token)
            elif kind == "atom":
                items.append(Atom(source, flags & ATOM_FLAGS))
            elif kind == "anchor":
                items.append("^" if source in ("^", "\\A") else "$")
        return items, token.lastgroup if token else None

    def _next_token(self, flags: int) -> re.Match[str] | None:
        if flags & re.VERBOSE and (ignored := IGNORED.match(self._text, self._at)):
            self._at = ignored.end()
        token = TOKEN.match(self._text, self._at)
        self._at = token.end() if token else self._at
        return token

    def _repeat(self, item: Node | str, token: re.Match[str]) -> Node:
        source = token[0]
        if len(source) > 1 and source.endswith("+"):
            raise self._refusal("+")
        if isinstance(item, str):
            raise self._refusal("^")
        if source[0] in LIMITS:
            return Repeat(item, *LIMITS[source[0]])
        least, most = int(token["least"] or 0), token["most"] if token["comma"] else token["least"]
        return Repeat(item, least, int(most) if most else None)

    def _refusal(self, source: str) -> CharloopError:
        return pattern_error(
            self._pattern, f"has {REFUSED.get(source, 'a back reference')}", "write it without that"
        )


def combine_flags(flags: int, added: str | None, removed: str | None) -> int:
    """Return the flags within a group such as (?i-s:...)."""
    for letter in added or "":
        flags = (flags & ~re.ASCII if letter in "auL" else flags) | re.RegexFlag[letter.upper()]
    for letter in removed or "":
        flags &= ~re.RegexFlag[letter.upper()]
    return flags
