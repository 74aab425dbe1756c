"""Labels of documents: each becomes one token, which stands before the document's first character."""

import difflib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from charloop.data.documents.record import Record
from charloop.data.sources import name_some
from charloop.errors import CharloopError

MAX_LABELS = 1000
"""Different labels of a text. A field with more is hardly one of labels."""
SHOWN = 10
"""Labels that an error names."""
FIRST_LABEL, FIRST_BYTE_LABEL = "\U00100000", "\u0101"
"""What stands for the first label until characters become tokens, and the same among bytes; the others follow it.
Unicode reserves these code points, of plane 16, for private use. They precede the mark at the end of documents."""
RECORD = "record"
"""The rule by which each record of a table is a document."""


def check_labels(labels: Sequence[str], rule: str) -> None:
    """Raise CharloopError unless these are labels of documents that the rule divides."""
    if labels and rule != RECORD:
        raise CharloopError("a vocabulary with labels is one of records", got=rule, allowed=RECORD)
    if len(set(labels)) < len(labels) or len(labels) > MAX_LABELS:
        raise CharloopError(f"a vocabulary's labels must be distinct, and at most {MAX_LABELS:,}")


def clean_label(label: str) -> str:
    """Return a label as labels are known: in one line, without spaces around it, in Unicode's form NFC."""
    return unicodedata.normalize("NFC", " ".join(label.split()))


def find_label(label: str, labels: Sequence[str]) -> int:
    """Return the index of a label. Raises CharloopError, with the nearest ones, for one that is not known."""
    label = clean_label(label)
    if label in labels:
        return labels.index(label)
    if not labels:
        raise CharloopError("this network has no labels", got=label, do="train it with --label-field")
    near = difflib.get_close_matches(label, labels, n=3, cutoff=0.5)
    raise CharloopError(
        "unknown label",
        got=label,
        allowed=name_some([*map(repr, labels)], SHOWN),
        do=f"did you mean {' or '.join(map(repr, near))}?" if near else None,
    )


@dataclass
class LabelBook:
    """The labels of a text in the order of first appearance, and the character that stands for each meanwhile.

    `known` come first. With `learns` others follow; without it they are refused, or with `skips` left out.
    """

    known: Sequence[str]
    learns: bool
    skips: bool
    first: str = FIRST_LABEL
    skipped: int = field(init=False, default=0)
    """Labels left out so far."""

    def __post_init__(self) -> None:
        self._codes = {label: chr(ord(self.first) + n) for n, label in enumerate(self.known)}

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels so far."""
        return tuple(self._codes)

    def encode(self, record: Record, field: str) -> str:
        """Return the character of a record's label, which is in `field`; "" if it is left out.

        The label is read by `clean_label`. A record without one has the empty label, which is left out where it is
        not known.
        """
        label = clean_label(record.label or "")
        code = self._codes.get(label)
        if code is not None:
            return code
        if self.learns:
            return self._learn(label, record.where, field)
        if label and not self.skips:
            try:
                find_label(label, self.labels)
            except CharloopError as error:
                raise error.of(record.where) from None
        self.skipped += bool(label)
        return ""

    def _learn(self, label: str, where: str, field: str) -> str:
        if len(self._codes) == MAX_LABELS:
            raise CharloopError(
                f"{where}: the field {field!r} has more than {MAX_LABELS:,} different values",
                do="is it free text? --label-field names a field of few values",
            )
        try:
            label.encode()
        except UnicodeEncodeError:
            raise CharloopError(f"{where}: a label that is not UTF-8", got=label, do="correct it") from None
        self._codes[label] = chr(ord(self.first) + len(self._codes))
        return self._codes[label]
