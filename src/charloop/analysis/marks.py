"""Marks on a text's characters, words and lines: one number for each character."""

import re
from collections.abc import Callable, Iterable

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


def each(holds: Callable[[str], bool]) -> Callable[[str], Marks]:
    """Return a detector: 1 for the characters for which `holds` is true."""
    return lambda text: np.array([holds(character) for character in text], float)


def inside(text: str, spans: Iterable[tuple[int, int]]) -> Marks:
    """Return 1 for the characters of `spans`, each from its start to before its stop, 0 elsewhere."""
    marks = np.zeros(len(text))
    for start, stop in spans:
        marks[start:stop] = 1.0
    return marks


def words(text: str) -> list[tuple[int, int]]:
    """Return the start and stop of each word."""
    return [match.span() for match in WORD.finditer(text)]


def lines(text: str) -> list[tuple[int, int]]:
    """Return the start and stop of each line, its newline included."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return [span for span in zip(starts, [*starts[1:], len(text)], strict=True) if span[0] < span[1]]


def counted(text: str, spans: Iterable[tuple[int, int]]) -> Marks:
    """Return 1, 2, 3, ... along each of `spans`, 0 elsewhere."""
    marks = np.zeros(len(text))
    for start, stop in spans:
        marks[start:stop] = np.arange(1, stop - start + 1)
    return marks


def in_word(text: str) -> Marks:
    return inside(text, words(text))


def word_start(text: str) -> Marks:
    return inside(text, ((start, start + 1) for start, _ in words(text)))


def word_end(text: str) -> Marks:
    return inside(text, ((stop - 1, stop) for _, stop in words(text)))


def position_in_word(text: str) -> Marks:
    return counted(text, words(text))


def word_in_capitals(text: str) -> Marks:
    return inside(
        text, (span for span in words(text) if span[1] - span[0] > 1 and text[slice(*span)].isupper())
    )


def line_start(text: str) -> Marks:
    return inside(text, ((start, start + 1) for start, _ in lines(text)))


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


def leading_space(text: str) -> Marks:
    return inside(text, (match.span() for match in re.finditer(r"^[ \t]+", text, re.MULTILINE)))


def lines_since_blank(text: str) -> Marks:
    marks, count = np.zeros(len(text)), 0
    for start, stop in lines(text):
        count = count + 1 if text[start:stop].strip() else 0
        marks[start:stop] = count
    return marks


def speaker_name(text: str) -> Marks:
    return inside(text, (match.span() for match in SPEAKER.finditer(text)))
