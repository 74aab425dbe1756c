"""How a text is divided into documents, and a text cut into them block by block."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from charloop.errors import CharloopError

MARK = "\U0010ffff"
"""Stands for the end of a document until characters become tokens. Unicode reserves this code point for such uses."""
BYTE_MARK = "\u0100"
"""The same among bytes, which are the characters U+0000 to U+00FF."""
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


def compile_patterns(*patterns: str | None) -> Patterns:
    """Return regular expressions as patterns."""
    return Patterns(*(pattern and re.compile(pattern) for pattern in patterns))  # type: ignore[arg-type]


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


@dataclass
class DocumentCutter:
    """Puts `mark` before the first document and after each, instead of what separates them, block by block."""

    rule: DocumentRule
    mark: str = MARK
    empty_lines: int = field(init=False, default=0)
    """Lines without a document, where each line is one."""
    _held: str = field(init=False, default="")
    """The end of the text so far, which may be the beginning of a separator."""
    _has_begun: bool = field(init=False, default=False)
    """Whether the mark before the first document has been returned."""
    _is_inside: bool = field(init=False, default=False)
    """Whether the last character returned belongs to a document."""

    @property
    def _patterns(self) -> Patterns:
        return self.rule.byte_patterns if self.mark == BYTE_MARK else self.rule.patterns

    def feed(self, text: str, name: str = "the text") -> str:
        """Return the next part of the text. Raises CharloopError if `text`, of the file `name`, contains a mark."""
        if self.mark in text:
            raise CharloopError(
                f"{name} contains U+10FFFF, which marks the end of documents", do="remove that character"
            )
        text = self._held + text
        kept = self._find_certain(text)
        self._held = text[kept:]
        return self._emit(self._cut(text[:kept]))

    def end_file(self) -> str:
        """Return the rest of a file; its last document ends here."""
        text, self._held = self._cut(self._held).rstrip("\r\n"), ""
        unfinished = self._patterns.unfinished
        found = unfinished and self.rule.name == "blank-line" and unfinished.search(text)
        # At the beginning of `text`, in the middle of a line, spaces are not an empty line.
        if found and not (self._is_inside and found.start() == 0 and not text.startswith(("\r", "\n"))):
            text = text[: found.start()]
        return self._emit(text + self.mark if text or self._is_inside else "")

    def _find_certain(self, text: str) -> int:
        """Return how many characters of `text` are cut in the same way whatever follows."""
        patterns = self._patterns
        found = patterns.unfinished and patterns.unfinished.search(text)
        if not found:
            return len(text)
        complete = [match.end() for match in patterns.complete.finditer(text)] if patterns.complete else []
        if self.rule.name == "blank-line" and not self._is_inside and (empty := patterns.before.match(text)):
            complete.append(empty.end())
        return max([found.start(), *complete])

    def _cut(self, text: str) -> str:
        """Return `text` with a mark for each separator that is complete."""
        lines = text.count("\n") if self.rule.name == "line" else 0
        if not self._is_inside and (found := self._patterns.before.match(text)):
            text = text[found.end() :]
        text = self._patterns.between.sub(self.mark, text)
        self.empty_lines += lines - text.count(self.mark) if lines else 0
        return text

    def _emit(self, text: str) -> str:
        if not text:
            return text
        self._is_inside = not text.endswith(self.mark)
        first, self._has_begun = "" if self._has_begun else self.mark, True
        return first + text
