"""One record of a table or of JSON: the text of a document, its label, and where it stands."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from charloop.errors import CharloopError, unknown_name

_RESERVED = re.compile("[\U00100000-\U0010ffff]")


class Record(NamedTuple):
    """A record of the source `name`; `number`, from 1, is that of its last line, or of an array's value."""

    text: str
    label: str | None
    """None if it has no such field."""
    name: str
    number: int
    unit: str = "line"
    """What is numbered."""

    @property
    def where(self) -> str:
        """Its position, in words."""
        return f"{self.name}, {self.unit} {self.number}"


def check_text(record: Record) -> None:
    """Raise CharloopError for a text with half of a surrogate pair, or characters that stand for labels meanwhile."""
    try:
        record.text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        half = record.text[error.start]
        raise CharloopError(f"{record.where}: half of a surrogate pair", got=half, do="correct it") from None
    if found := _RESERVED.search(record.text):
        raise CharloopError(
            f"{record.where}: the character U+{ord(found[0]):X}, of Unicode's plane 16, which marks labels",
            do="remove it",
        )


def find_field(field: str, names: Sequence[str], where: str = "") -> int:
    """Return the index of a field. Raises CharloopError with the fields that `where` has, and the nearest."""
    if names.count(field) == 1:
        return names.index(field)
    error = (
        CharloopError(f"{names.count(field)} fields are named {field!r}", do="rename one")
        if field in names
        else unknown_name("field", field, names)
    )
    raise error.of(where) if where else error
