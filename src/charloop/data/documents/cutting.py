"""A text as a sequence of documents, block by block: where one ends and the next begins."""

from dataclasses import dataclass, field

from charloop.data.documents.rule import DocumentRule, Patterns
from charloop.errors import CharloopError

MARK = "\U0010ffff"
"""Stands for the end of a document until characters become tokens. Unicode reserves this code point for such uses."""
BYTE_MARK = "\u0100"
"""The same among bytes, which are the characters U+0000 to U+00FF."""


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
