"""Tables, row by row: the first line names the fields."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain

from charloop.data.documents.record import Record, find_field
from charloop.errors import CharloopError
from charloop.given import Fields

DELIMITERS = (",", "\t", ";", "|")
"""What may separate the fields of a table: the first that finds the field of the text in the header."""
MAX_FIELD = 1 << 26
"""Characters of a field of a table. A quotation mark that is not closed makes one field of the rest of a file."""


def find_delimiter(header: str, field: str) -> str | None:
    """Return what separates the fields of a table whose first line is `header`; None if it lacks the field."""
    return next((one for one in DELIMITERS if field in split_header(header, one)), None)


def name_columns(start: str) -> list[str]:
    """Return the names in the first line of a table with characters in it; `start`: its first lines."""
    header = next(filter(str.strip, start.splitlines()), "")
    return list(filter(None, split_header(header, guess_delimiter(header))))


def guess_delimiter(header: str) -> str:
    """Return what separates the most names in the first line of a table."""
    return max(DELIMITERS, key=lambda one: len(split_header(header, one)))


def split_header(line: str, delimiter: str) -> list[str]:
    """Return the names in the first line of a table."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [line]


def read_table(lines: Iterable[str], name: str, fields: Fields, needs_label: bool) -> Iterator[Record]:
    """Yield the records of a table whose first line names the fields; lines without any character are none."""
    csv.field_size_limit(max(MAX_FIELD, csv.field_size_limit()))
    lines, before = iter(lines), 0
    while not (header := next(lines)).strip():
        before += 1
    delimiter = find_delimiter(header, fields.text) or guess_delimiter(header)
    rows = csv.reader(chain([header], lines), delimiter=delimiter, strict=True)
    end = before
    try:
        names = [field.strip() for field in next(rows)]
        text = find_field(fields.text, names, name)
        has_label = fields.label and (needs_label or fields.label in names)
        label = find_field(fields.label, names, name) if has_label else None
        end = before + rows.line_num
        for row in rows:
            line = before + rows.line_num
            if len(row) == len(names):
                yield Record(row[text], None if label is None else row[label], name, line)
            elif row:
                raise CharloopError(
                    f"{name}, line {line}: {len(row)} fields",
                    allowed=f"{len(names)}, as in its first line",
                    do="put quotation marks around a field that contains the separator",
                )
            end = line
    except csv.Error as error:
        raise CharloopError(
            f"{name}, line {end + 1}: {error}",
            do="write a quotation mark within quotation marks twice, and close them",
        ) from None
