"""How a text is divided into documents: by lines, by empty lines, by files or by a separator."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from charloop.errors import CharloopError

MAX_SEPARATOR = 100
"""Characters of a separator."""
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\": "\\"}


class Patterns(NamedTuple):
    """How a rule finds documents in a text that arrives in blocks."""

    between: re.Pattern[str]
    """What separates two documents, as long as possible."""
    before: re.Pattern[str]
    """What is left out at the beginning of a document."""
    complete: re.Pattern[str] | None
    """A separator, as short as possible; None if the end of a block completes it."""
    unfinished: re.Pattern[str] | None
    """The end of a block that may be the beginning of a separator."""


def compile_patterns(between: str, before: str, complete: str | None, unfinished: str | None) -> Patterns:
    """Return regular expressions as patterns."""
    return Patterns(
        re.compile(between),
        re.compile(before),
        re.compile(complete) if complete else None,
        re.compile(unfinished) if unfinished else None,
    )


_LINE_ENDS = r"(?<![\r\n])[\r\n]"
_BLANK_LINES = r"\r?\n(?:[ \t\r]*\n)+"
_LINES = compile_patterns(r"[\r\n]+", r"[\r\n]+", None, None)
PATTERNS = {
    "line": _LINES,
    "record": _LINES,
    "blank-line": compile_patterns(
        _BLANK_LINES, r"(?:[ \t\r]*\n)+", _BLANK_LINES, r"(?:\A|\r?\n)[ \t\r]*\Z|\r\Z"
    ),
    "file": compile_patterns(r"(?!)", r"[\r\n]+", None, rf"{_LINE_ENDS}+\Z"),
}
"""Those of the rules that have a name."""


@dataclass(frozen=True)
class DocumentRule:
    r"""Divides a text into documents.

    `name` "line": each line is a document. "blank-line": lines that are empty, or hold only spaces and tabs, separate
    them. "file": each file is one. "record": each record of a table is one (see `records`), and of other texts each
    line. Any other string is itself the separator; in it `\n`, `\t` and `\\` stand for newline, tab and backslash. A
    document never spans two files. Newlines at its beginning and end do not belong to it, and a document without any
    character does not count.
    Raises CharloopError for a separator of newlines only, or of more than 100 characters.
    """

    name: str

    def __post_init__(self) -> None:
        if len(self.name) > MAX_SEPARATOR:
            got, allowed = f"{len(self.name)} characters", f"a separator of up to {MAX_SEPARATOR}"
            raise CharloopError("--documents", got=got, allowed=allowed)
        if self.name not in PATTERNS and not self.separator.strip("\r\n"):
            raise CharloopError(
                "--documents",
                got=self.name,
                allowed="line, blank-line, file, or a separator that is not only newlines",
            )

    @cached_property
    def separator(self) -> str:
        """The string that stands between documents; empty if there is no single one."""
        if self.name in PATTERNS:
            return ""
        return re.sub(r"\\[nt\\]", lambda escape: _ESCAPES[escape[0]], self.name)

    @property
    def joint(self) -> str:
        """What to write after a document: a line end, an empty line, or the separator on a line of its own."""
        if self.name in PATTERNS:
            return "\n" if self.name in ("line", "record") else "\n\n"
        return "\n" + self.separator.strip("\r\n") + "\n"

    @cached_property
    def patterns(self) -> Patterns:
        """How it finds documents."""
        return PATTERNS[self.name] if self.name in PATTERNS else separator_patterns(self.separator)

    @cached_property
    def byte_patterns(self) -> Patterns:
        """The same for a text of bytes, which are the characters U+0000 to U+00FF."""
        if self.name in PATTERNS:
            return PATTERNS[self.name]
        return separator_patterns(self.separator.encode("utf-8", "surrogateescape").decode("latin-1"))


def separator_patterns(separator: str) -> Patterns:
    """Return how documents with this string between them are found."""
    own = re.escape(separator)
    starts = [re.escape(separator[:size]) for size in range(len(separator) - 1, 0, -1)]
    # Line ends are matched from their first on, never from each of them: that would take the square of their number.
    unfinished = rf"{_LINE_ENDS}*(?:{'|'.join(starts)})\Z|{_LINE_ENDS}+\Z" if starts else rf"{_LINE_ENDS}+\Z"
    return compile_patterns(rf"{_LINE_ENDS}*{own}(?:{own}|[\r\n])*", rf"(?:{own}|[\r\n])+", own, unfinished)
