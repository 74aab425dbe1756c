"""Marks of what is inside something: quotes, brackets, a program's comments and docstrings.

After its opening sign a text is inside, after its closing sign no longer.
"""

import re
from collections.abc import Callable, Iterator

import numpy as np

from charloop.analysis.marks import Marks, inside

LONGEST = 2000
"""Characters of a span; with more between them, two signs are not taken for a pair."""

DOUBLE = re.compile(
    rf'"""(?s:.{{0,{LONGEST}}}?)"""'
    rf'|"(?:[^"\n]|\n(?![ \t]*\n)){{0,{LONGEST}}}"'
    rf"|“(?:[^”\n]|\n(?![ \t]*\n)){{0,{LONGEST}}}”"
)
"""Straight or curly, within a paragraph; Python's three in a row across several."""
ELISION = r"(?:t(?:is|was|were|will|would)|gainst|em|twixt|neath|cause|til|bout)\b"
SINGLE = re.compile(
    rf"(?<![\w'])'(?=[^\s'])(?!(?i:{ELISION}))(?:[^'\n]|\n(?![ \t]*\n)|(?<=\w)'(?=\w)){{0,{LONGEST}}}?'(?!\w)"
    rf"|\u2018(?:[^’\n]|\n(?![ \t]*\n)|(?<=\w)’(?=\w)){{0,{LONGEST}}}?’(?!\w)"
)
"""An apostrophe between letters is none, nor one that begins 'tis, 'em and the like."""
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
    """1 between the quotes that `pattern` finds."""
    return lambda text: inside(text, ((match.start(), match.end() - 1) for match in pattern.finditer(text)))


def docstring(text: str) -> Marks:
    """1 in a Python program's strings of three quotes."""
    found = (match for match in CODE.finditer(text) if match["docstring"])
    return inside(text, ((match.start(), match.end() - 1) for match in found))


def comment(text: str) -> Marks:
    """1 in a Python program's comments, until their lines end."""
    return inside(text, (match.span() for match in CODE.finditer(text) if match["comment"]))


def pairs(text: str, signs: str) -> Iterator[tuple[int, int]]:
    """Where brackets open and close; those without a partner are passed over."""
    opened: list[int] = []
    for place, character in enumerate(text):
        if character == signs[0]:
            opened.append(place)
        elif character == signs[1] and opened:
            start = opened.pop()
            if place - start <= LONGEST:
                yield start, place


def in_brackets(signs: str) -> Callable[[str], Marks]:
    """1 inside brackets of one kind."""
    return lambda text: inside(text, pairs(text, signs))


def bracket_depth(text: str) -> Marks:
    change = np.zeros(len(text) + 1)
    for signs in PAIRS:
        for start, stop in pairs(text, signs):
            change[start] += 1
            change[stop] -= 1
    return np.cumsum(change)[:-1]
