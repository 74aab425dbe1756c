"""JSON objects as records: one in each line, or those of an array."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from charloop.data.documents.record import Record, find_field
from charloop.errors import CharloopError
from charloop.given import Fields

MAX_ARRAY = 1 << 27
"""Characters of a JSON array, which is read whole. Its values take several times that memory."""
ONE_EACH = "write each record, a JSON object, in a line of its own: jq -c '.[]' makes lines of an array"


def read_json(lines: Iterable[str], name: str, fields: Fields, needs_label: bool) -> Iterator[Record]:
    """Yield the records of a text with a JSON object in each line."""
    values = (
        (number, parse_json(line, f"{name}, line {number}"))
        for number, line in enumerate(lines, start=1)
        if not line.isspace()
    )
    return read_objects(values, name, "line", fields, needs_label)


def read_array(lines: Iterable[str], name: str, fields: Fields, needs_label: bool) -> Iterator[Record]:
    """Return the records of a text that is one JSON array of objects; it is read whole."""
    parts, left = [], MAX_ARRAY
    for line in lines:
        parts.append(line)
        left -= len(line)
        if left < 0:
            raise CharloopError(f"{name}: a JSON array of more than {MAX_ARRAY:,} characters", do=ONE_EACH)
    return read_objects(
        enumerate(parse_json("".join(parts), name), start=1), name, "record", fields, needs_label
    )


def name_json_fields(start: str) -> list[str]:
    """Return the names of the fields of the first record; `start`: the beginning of a JSON text. Else none."""
    start = start.lstrip()
    # A record may span lines in an array only.
    first = start[1:].lstrip() if start.startswith("[") else start.partition("\n")[0]
    try:
        value, _ = json.JSONDecoder().raw_decode(first)
    except (ValueError, RecursionError):
        return []
    return list(value) if isinstance(value, dict) else []


def parse_json(text: str, where: str) -> Any:
    """Return the value of a JSON text. Raises CharloopError, with `where` it stands, for anything else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CharloopError(f"{where}: not JSON ({error})", do=ONE_EACH) from None


def read_objects(
    values: Iterable[tuple[int, Any]], name: str, unit: str, fields: Fields, needs_label: bool
) -> Iterator[Record]:
    """Yield the record of each JSON object; a number says which `unit` of the source `name` it is."""
    found: set[str] = set()
    for number, value in values:
        try:
            text = read_string(value, fields.text)
            label = read_label(value, fields.label)
        except CharloopError as error:
            raise error.of(f"{name}, {unit} {number}") from None
        if fields.label not in found:
            found |= value.keys()
        yield Record(text, label, name, number, unit)
    if fields.label and needs_label and found:
        find_field(fields.label, list(found), name)


def read_string(value: Any, field: str) -> str:
    """Return the text of a JSON object; that of null is empty."""
    if not isinstance(value, dict):
        raise CharloopError(f"got a JSON {type(value).__name__}", allowed="an object", do=ONE_EACH)
    if field not in value:
        find_field(field, list(value))
    text = value[field]
    if not isinstance(text, str | None):
        raise CharloopError(f"the field {field!r}", got=text, allowed="a string")
    return text or ""


def read_label(values: dict[str, Any], field: str) -> str | None:
    """Return the label of a JSON object: a string, or a number or a truth value as JSON writes it."""
    label = values.get(field)
    if label is None or isinstance(label, str):
        return label
    if isinstance(label, dict | list):
        raise CharloopError(f"the field {field!r}", got=label, allowed="a string or a number")
    return json.dumps(label)
