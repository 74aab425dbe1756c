"""Marks on a text's characters, words, lines, quotes, brackets and comments: one number for each character.

The symbol that opens a quote or bracket is inside it, the one that closes it is not.
"""

import re
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from jaxtyping import Float

Marks = Float[np.ndarray, " time"]

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
"""Letters, with apostrophes between them."""
NAME = r"[A-Z][\w'’.-]*"
SPEAKER = re.compile(
    rf"^{NAME}(?: (?:{NAME}|of|the|to|and|\d+))*:|^[A-Z][A-Z'’ -]+\.|^[A-Z][A-Z'’ -]+$", re.MULTILINE
)
"""`Some Name:` or `NAME.` at a line's start, or a line of capitals."""
INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
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


def each(holds: Callable[[str], bool]) -> Callable[[str], Marks]:
    """Return a detector: 1 for the characters for which `holds` is true."""
    return lambda text: np.array([holds(character) for character in text], float)


def matching(pattern: re.Pattern[str], group: str | int = 0, closing: int = 0) -> Callable[[str], Marks]:
    """Return a detector: 1 in each match of `pattern` that has `group`, except its last `closing` characters."""

    def mark(text: str) -> Marks:
        found = (match for match in pattern.finditer(text) if match[group])
        return inside(text, ((match.start(), match.end() - closing) for match in found))

    return mark


def inside(text: str, spans: Iterable[tuple[int, int]]) -> Marks:
    """Return 1 for the characters of `spans`, each from its start to before its stop, 0 elsewhere."""
    marks = np.zeros(len(text))
    for start, stop in spans:
        marks[start:stop] = 1.0
    return marks


def counted(text: str, spans: Iterable[tuple[int, int]]) -> Marks:
    """Return 1, 2, 3, ... along each of `spans`, 0 elsewhere."""
    marks = np.zeros(len(text))
    for start, stop in spans:
        marks[start:stop] = np.arange(1, stop - start + 1)
    return marks


def words(text: str) -> list[tuple[int, int]]:
    """Return the start and stop of each word."""
    return [match.span() for match in WORD.finditer(text)]


def lines(text: str) -> list[tuple[int, int]]:
    """Return the start and stop of each line, its newline included."""
    return [match.span() for match in re.finditer(r"[^\n]*\n|[^\n]+", text)]


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


def firsts(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the first character of each of `spans`."""
    yield from ((start, start + 1) for start, _ in spans)


def word_in_capitals(text: str) -> Marks:
    long = (span for span in words(text) if span[1] - span[0] > 1)
    return inside(text, (span for span in long if text[slice(*span)].isupper()))


def position_in_line(text: str) -> Marks:
    """Return the position in the line from 1; 0 for a newline."""
    return counted(text, ((start, stop - (text[stop - 1] == "\n")) for start, stop in lines(text)))


def left_in_line(text: str) -> Marks:
    marks = np.zeros(len(text))
    for start, stop in lines(text):
        marks[start:stop] = np.arange(stop - start)[::-1]
    return marks


def indentation(text: str) -> Marks:
    marks = np.zeros(len(text))
    for start, stop in lines(text):
        line = text[start:stop].rstrip("\n")
        marks[start:stop] = len(line) - len(line.lstrip(" \t"))
    return marks


def lines_since_blank(text: str) -> Marks:
    marks, count = np.zeros(len(text)), 0
    for start, stop in lines(text):
        count = count + 1 if text[start:stop].strip() else 0
        marks[start:stop] = count
    return marks


def bracket_depth(text: str) -> Marks:
    change = np.zeros(len(text) + 1)
    for symbols in ("()", "[]", "{}"):
        for start, stop in pairs(text, symbols):
            change[start] += 1
            change[stop] -= 1
    return np.cumsum(change)[:-1]
