"""Detectors of what a unit may track: a registry of functions that mark a text. A new one is one line.

A mark describes the character that was just read. Some look ahead (a word's end, the rest of a line, a speaker's
name, an opening quote that is closed later): a unit that follows them predicts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from charloop.analysis import marks, spans
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
    Detector("vowel", "a, e, i, o, u", marks.each(lambda c: c.casefold() in set("aeiou"))),
    Detector("capital", "a capital letter", marks.each(str.isupper)),
    Detector("digit", "a digit", marks.each(str.isdigit)),
    Detector("space", "a space", marks.each(lambda c: c == " ")),
    Detector("newline", "the end of a line", marks.each(lambda c: c == "\n")),
    Detector(
        "punctuation",
        "neither letter nor digit nor white space",
        marks.each(lambda c: not c.isalnum() and not c.isspace()),
    ),
    Detector("in a word", "letters, with apostrophes between them", marks.in_word),
    Detector("word start", "the first letter of a word", marks.word_start),
    Detector("word end", "the last letter of a word", marks.word_end),
    Detector("position in word", "letters of the word so far; 0 outside", marks.position_in_word),
    Detector("word in capitals", "a word of two capitals or more", marks.word_in_capitals),
    Detector("line start", "the first character after a newline", marks.line_start),
    Detector("position in line", "characters of the line so far", marks.position_in_line),
    Detector("left in line", "characters until the line ends", marks.left_in_line),
    Detector("indentation", "spaces and tabs that the line begins with", marks.indentation),
    Detector("leading space", "one of the spaces and tabs that a line begins with", marks.leading_space),
    Detector("lines since blank", "lines since the last blank one", marks.lines_since_blank),
    Detector("speaker name", "`Name:`, `NAME.` or a line of capitals", marks.speaker_name),
    Detector("double quotes", "inside double quotes", spans.quoted(spans.DOUBLE)),
    Detector("single quotes", "inside single quotes, apostrophes not counted", spans.quoted(spans.SINGLE)),
    Detector("round brackets", "inside ( and )", spans.in_brackets("()")),
    Detector("square brackets", "inside [ and ]", spans.in_brackets("[]")),
    Detector("curly brackets", "inside { and }", spans.in_brackets("{}")),
    Detector("bracket depth", "open brackets of all kinds", spans.bracket_depth),
    Detector("python comment", "inside a comment of a Python program", spans.comment),
    Detector("python docstring", "inside a Python string of three quotes", spans.docstring),
)

DETECTORS: dict[str, Detector] = {detector.name: detector for detector in ALL}
