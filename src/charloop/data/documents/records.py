"""Tables and JSON, record by record: a field of each is a document, and another may be its label."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import PurePath

from charloop.data.decoding import Errors, decode
from charloop.data.documents.json_records import name_json_fields, read_array, read_json
from charloop.data.documents.record import Record
from charloop.data.documents.tables import find_delimiter, name_columns, read_table
from charloop.data.sources import Source, name_some
from charloop.errors import CharloopError
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
SHOWN_FIELDS, SHOWN_NAME = 8, 40
"""Fields that a note names, and the characters that it shows of each."""
_JSON = re.compile(r"\s*(\{|\[\s*(\{|$))")
"""How the first line of JSON begins."""


def find_format(name: str) -> str:
    """Return how the file `name` is read: "table", "json", "" if its content decides, else "text"."""
    path = PurePath(name)
    path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return SUFFIXES.get(path.suffix.lower(), "text") if path.suffix else ""


def note_unread_fields(sources: Iterable[Source], encoding: str, errors: Errors) -> tuple[str, ...]:
    """Return a note on the first of `sources` that has records, where they are read as plain text."""
    for source in sources:
        names = name_fields(source, encoding, errors) if find_format(source.name) != "text" else []
        if names:
            fields = name_some([repr(name[:SHOWN_NAME]) for name in names], SHOWN_FIELDS)
            return (
                f"{source.name} is read as plain text, with all of its fields and separators; to learn the text in"
                f" one field, name it: --text-field NAME (its fields: {fields})",
            )
    return ()


def name_fields(source: Source, encoding: str, errors: Errors) -> list[str]:
    """Return the names of the fields of a source; none for a text without records, and for what is no text."""
    try:
        start = next(filter(str.strip, decode(source, encoding, errors=errors)), "")
    except CharloopError:
        return []
    form = find_format(source.name) or ("json" if _JSON.match(start) else "text")
    if form == "json":
        return name_json_fields(start)
    return name_columns(start) if form == "table" else []


def read_records(
    blocks: Iterable[str], name: str, fields: Fields, *, accepts_text: bool, needs_label: bool
) -> Iterator[Record]:
    """Yield the records of the source `name`, given its text in blocks; they take the memory of one record.

    Only a JSON array is read whole. A name without an ending, as that of standard input: JSON begins with a brace, or
    with a bracket and a brace; others are a table. With `accepts_text`, a source that is neither is read too: each
    line is a record without a label. Without `needs_label`, a label's field may be missing everywhere.
    Raises CharloopError, with the line, for what is not such a record, and for a text without the fields.
    """
    lines, first = each_line(blocks), ""
    begin = []
    for first in lines:
        begin.append(first)
        if first.strip():
            break
    form = find_format(name) or ("json" if _JSON.match(first) else "table")
    if accepts_text and (form == "text" or (not find_format(name) and form == "table")):
        header = find_delimiter(first, fields.text) if form == "table" else None
        form = "table" if header else "text"
    elif form == "text":
        raise CharloopError(
            f"{name} is no table: its name ends in {PurePath(name).suffix!r}",
            allowed="files that end in .csv, .tsv or .jsonl, or these compressed",
            do="leave --text-field out, or rename it",
        )
    form = "array" if form == "json" and first.lstrip().startswith("[") else form
    readers = {"table": read_table, "json": read_json, "array": read_array}
    read: Callable[..., Iterator[Record]] = readers.get(form, read_lines)
    yield from read(chain(begin, lines), name, fields, needs_label) if first.strip() else ()


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
