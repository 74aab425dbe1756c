"""Marks on what is inside something: quotes, brackets, a program's comments and docstrings.

The opening symbol is inside, the closing symbol is not.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from charloop.analysis.marks import Marks, inside

MAX_SPAN = 2000
"""Characters of a span: two symbols farther apart are not a pair."""

DOUBLE = re.compile(
    rf'"""(?s:.{{0,{MAX_SPAN}}}?)"""'
    rf'|"(?:[^"\n]|\n(?![ \t]*\n)){{0,{MAX_SPAN}}}"'
    rf"|“(?:[^”\n]|\n(?![ \t]*\n)){{0,{MAX_SPAN}}}”"
)
"""Straight or curly, within a paragraph; Python's three in a row across several."""
ELISION = r"(?:t(?:is|was|were|will|would)|gainst|em|twixt|neath|cause|til|bout)\b"
SINGLE = re.compile(
    rf"(?<![\w'])'(?=[^\s'])(?!(?i:{ELISION}))(?:[^'\n]|\n(?![ \t]*\n)|(?<=\w)'(?=\w)){{0,{MAX_SPAN}}}?'(?!\w)"
    rf"|\u2018(?:[^’\n]|\n(?![ \t]*\n)|(?<=\w)’(?=\w)){{0,{MAX_SPAN}}}?’(?!\w)"
)
"""An apostrophe between letters is not a quote, nor one that begins 'tis, 'em and the like."""
CODE = re.compile(
    r'(?P<docstring>"""(?s:\\.|[^\\])*?"""'
    r"|'''(?s:\\.|[^\\])*?''')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'"
    r"|(?P<comment>#[^\n]*)"
)
"""Python's strings and comments, whichever begins first."""
PAIRS = ("()", "[]", "{}")


def quoted(pattern: re.Pattern[str]) -> Callable[[str], Marks]:
    """Return a detector: 1 between the quotes that `pattern` finds."""
    return lambda text: inside(text, ((match.start(), match.end() - 1) for match in pattern.finditer(text)))


def docstring(text: str) -> Marks:
    """Return 1 in a Python program's triple-quoted strings."""
    found = (match for match in CODE.finditer(text) if match["docstring"])
    return inside(text, ((match.start(), match.end() - 1) for match in found))


def comment(text: str) -> Marks:
    """Return 1 in a Python program's comments, to the ends of their lines."""
    return inside(text, (match.span() for match in CODE.finditer(text) if match["comment"]))


def pairs(text: str, symbols: str) -> Iterator[tuple[int, int]]:
    """Yield where brackets open and close; brackets without a partner are ignored."""
    opened: list[int] = []
    for position, character in enumerate(text):
        if character == symbols[0]:
            opened.append(position)
        elif character == symbols[1] and opened:
            start = opened.pop()
            if position - start <= MAX_SPAN:
                yield start, position


def in_brackets(symbols: str) -> Callable[[str], Marks]:
    """Return a detector: 1 inside brackets of one kind."""
    return lambda text: inside(text, pairs(text, symbols))


def bracket_depth(text: str) -> Marks:
    change = np.zeros(len(text) + 1)
    for symbols in PAIRS:
        for start, stop in pairs(text, symbols):
            change[start] += 1
            change[stop] -= 1
    return np.cumsum(change)[:-1]
