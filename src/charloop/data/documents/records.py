"""Tables and JSON lines, record by record: a field of each is a document, and another may be its label."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import PurePath
from typing import Any, NamedTuple

from charloop.errors import CharloopError, unknown_name
from charloop.given import Fields

SUFFIXES = {
    ".csv": "table",
    ".tsv": "table",
    ".tab": "table",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
"""How files are read, by the end of their names."""
COMPRESSED = {".gz", ".bz2", ".xz", ".zst"}
DELIMITERS = (",", "\t", ";", "|")
"""What may separate the fields of a table: the first that finds the field of the text in the header."""
_RESERVED = re.compile("[\U00100000-\U0010ffff]")
MAX_FIELD = 1 << 26
"""Characters of a field of a table. A quotation mark that is not closed makes one field of the rest of a file."""


class Record(NamedTuple):
    """A record of the source `name`; `line` is the one on which it ends, from 1."""

    text: str
    label: str | None
    """None if it has no such field."""
    name: str
    line: int

    @property
    def where(self) -> str:
        """Its position, in words."""
        return f"{self.name}, line {self.line}"


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


def find_format(name: str) -> str:
    """Return how the file `name` is read: "table", "json", "" if its content decides, else "text"."""
    path = PurePath(name)
    path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return SUFFIXES.get(path.suffix.lower(), "text") if path.suffix else ""


def read_records(blocks: Iterable[str], name: str, fields: Fields, *, accepts_text: bool) -> Iterator[Record]:
    """Yield the records of the source `name`, given its text in blocks; they take the memory of one record.

    A name without an ending, as that of standard input: JSON lines begin with a brace, others are a table. With
    `accepts_text`, a source that is neither is read too: each line is a record without a label. Then a label's field
    that is missing everywhere is accepted as well.
    Raises CharloopError, with the line, for what is not such a record, and for a text without the fields.
    """
    lines, first = each_line(blocks), ""
    begin = []
    for first in lines:
        begin.append(first)
        if first.strip():
            break
    form = find_format(name) or ("json" if first.lstrip().startswith("{") else "table")
    if accepts_text and (form == "text" or (not find_format(name) and form == "table")):
        header = find_delimiter(first, fields.text) if form == "table" else None
        form = "table" if header else "text"
    elif form == "text":
        raise CharloopError(
            f"{name} is no table: its name ends in {PurePath(name).suffix!r}",
            allowed="files that end in .csv, .tsv or .jsonl, or these compressed",
            do="leave --text-field out, or rename it",
        )
    read: Callable[..., Iterator[Record]] = {"table": read_table, "json": read_json}.get(form, read_lines)
    yield from read(chain(begin, lines), name, fields, not accepts_text) if first.strip() else ()


def each_line(blocks: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a text that comes in blocks, with their ends."""
    held: list[str] = []
    for block in blocks:
        first, *others = block.split("\n")
        held.append(first)
        if others:
            yield "".join(held) + "\n"
            yield from (line + "\n" for line in others[:-1])
            held = [others[-1]]
    if last := "".join(held):
        yield last


def read_lines(lines: Iterable[str], name: str, fields: Fields, needs_label: bool) -> Iterator[Record]:  # noqa: ARG001
    """Yield each line as a record without a label."""
    return (Record(line, None, name, number) for number, line in enumerate(lines, start=1))


def find_delimiter(header: str, field: str) -> str | None:
    """Return what separates the fields of a table whose first line is `header`; None if it lacks the field."""
    return next((one for one in DELIMITERS if field in split_header(header, one)), None)


def split_header(line: str, delimiter: str) -> list[str]:
    """Return the names in the first line of a table."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return [line]


def read_table(lines: Iterable[str], name: str, fields: Fields, needs_label: bool) -> Iterator[Record]:
    """Yield the records of a table whose first line names the fields; lines without any character are none."""
    csv.field_size_limit(max(MAX_FIELD, csv.field_size_limit()))
    lines, before = iter(lines), 1
    while not (header := next(lines)).strip():
        before += 1
    delimiter = find_delimiter(header, fields.text) or ("," if "," in header or "\t" not in header else "\t")
    names, rows = split_header(header, delimiter), csv.reader(lines, delimiter=delimiter, strict=True)
    text = find_field(fields.text, names, name)
    label = names.index(fields.label) if fields.label in names else None
    if fields.label and needs_label:
        label = find_field(fields.label, names, name)
    try:
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
    except csv.Error as error:
        raise CharloopError(
            f"{name}, line {before + rows.line_num}: {error}",
            do="write a quotation mark within quotation marks twice, and close them",
        ) from None


def find_field(field: str, names: Sequence[str], where: str = "") -> int:
    """Return the index of a field. Raises CharloopError with the fields that `where` has, and the nearest."""
    if field not in names:
        error = unknown_name("field", field, names)
        raise error.of(where) if where else error
    return names.index(field)


def read_json(lines: Iterable[str], name: str, fields: Fields, needs_label: bool) -> Iterator[Record]:
    """Yield the records of a text with a JSON object in each line."""
    found: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            values = parse_object(line)
            if fields.text not in values:
                find_field(fields.text, list(values))
            text, label = values[fields.text], read_label(values, fields.label)
            if not isinstance(text, str | None):
                raise CharloopError(f"the field {fields.text!r}", got=text, allowed="a string")
        except CharloopError as error:
            raise error.of(f"{name}, line {number}") from None
        if fields.label not in found:
            found |= values.keys()
        yield Record(text or "", label, name, number)
    if fields.label and needs_label and found:
        find_field(fields.label, list(found), name)


def parse_object(line: str) -> dict[str, Any]:
    """Return a line of JSON as an object. Raises CharloopError for anything else."""
    do = "write a record in each line: jq -c '.[]' does" if line.lstrip().startswith("[") else None
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CharloopError(f"not JSON ({error})", do=do) from None
    if not isinstance(values, dict):
        raise CharloopError(f"got a JSON {type(values).__name__}", allowed="an object", do=do)
    return values


def read_label(values: dict[str, Any], field: str) -> str | None:
    """Return the label of a JSON object: a string, or a number or a truth value as JSON writes it."""
    label = values.get(field)
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, dict | list):
        raise CharloopError(f"the field {field!r}", got=label, allowed="a string or a number")
    return json.dumps(label)
