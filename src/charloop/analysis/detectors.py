"""Detectors of what a unit may track: a registry of functions that mark a text. A new one is one line.

A mark describes the character that was just read. Some look ahead (a word's end, the rest of a line, a speaker's
name, an opening quote that is closed later): a unit that follows them predicts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from charloop.analysis import marks
from charloop.analysis.marks import counted, each, firsts, inside, lines, matching, pairs, words
from charloop.errors import CharloopError


@dataclass(frozen=True)
class Detector:
    """A property of each character of a text."""

    name: str
    description: str
    """What `mark` marks, in words."""
    mark: Callable[[str], Float[np.ndarray, " time"]]
    """Returns 0 or 1, or a graded value, for each character of a text."""

    def marks(self, text: str) -> Float[np.ndarray, " time"]:
        """Return the marks of a text. Raises CharloopError unless there is one finite number for each character."""
        found = np.asarray(self.mark(text), float)
        if found.shape != (len(text),) or not np.isfinite(found).all():
            got = f"shape {list(found.shape)}, {np.isfinite(found).sum()} finite numbers"
            allowed = f"one finite number for each of {len(text)} characters"
            raise CharloopError(f"marks of the detector {self.name!r}", got=got, allowed=allowed)
        return found


ALL = (
    Detector("vowel", "a, e, i, o, u", each(lambda c: c.casefold() in set("aeiou"))),
    Detector("capital", "a capital letter", each(str.isupper)),
    Detector("digit", "a digit", each(str.isdigit)),
    Detector("space", "a space", each(lambda c: c == " ")),
    Detector("newline", "the end of a line", each(lambda c: c == "\n")),
    Detector(
        "punctuation",
        "neither letter nor digit nor white space",
        each(lambda c: not c.isalnum() and not c.isspace()),
    ),
    Detector("in a word", "letters, with apostrophes between them", matching(marks.WORD)),
    Detector("word start", "the first letter of a word", lambda text: inside(text, firsts(words(text)))),
    Detector(
        "word end",
        "the last letter of a word",
        lambda text: inside(text, ((stop - 1, stop) for _, stop in words(text))),
    ),
    Detector(
        "position in word", "letters of the word so far; 0 outside", lambda text: counted(text, words(text))
    ),
    Detector("word in capitals", "a word of two capitals or more", marks.word_in_capitals),
    Detector(
        "line start", "the first character after a newline", lambda text: inside(text, firsts(lines(text)))
    ),
    Detector("position in line", "characters of the line so far", marks.position_in_line),
    Detector("left in line", "characters until the line ends", marks.left_in_line),
    Detector("indentation", "spaces and tabs that the line begins with", marks.indentation),
    Detector("leading space", "one of the spaces and tabs that a line begins with", matching(marks.INDENT)),
    Detector("lines since blank", "lines since the last blank one", marks.lines_since_blank),
    Detector("speaker name", "`Name:`, `NAME.` or a line of capitals", matching(marks.SPEAKER)),
    Detector("double quotes", "inside double quotes", matching(marks.DOUBLE, closing=1)),
    Detector(
        "single quotes", "inside single quotes, apostrophes not counted", matching(marks.SINGLE, closing=1)
    ),
    Detector("round brackets", "inside ( and )", lambda text: inside(text, pairs(text, "()"))),
    Detector("square brackets", "inside [ and ]", lambda text: inside(text, pairs(text, "[]"))),
    Detector("curly brackets", "inside { and }", lambda text: inside(text, pairs(text, "{}"))),
    Detector("bracket depth", "open brackets of all kinds", marks.bracket_depth),
    Detector("python comment", "inside a comment of a Python program", matching(marks.CODE, "comment")),
    Detector(
        "python docstring",
        "inside a Python string of three quotes",
        matching(marks.CODE, "docstring", closing=1),
    ),
)

DETECTORS: dict[str, Detector] = {detector.name: detector for detector in ALL}
