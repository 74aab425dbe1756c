"""The flags of `charloop sample` that write whole documents."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch, check_ranges
from charloop.config import Count
from charloop.errors import CharloopError
from charloop.sampling.config import MAX_DOCUMENT_LENGTH

OWN = ("--unique", "--new", "--best-of", "--max-length", "--json")
"""Flags that need --documents."""
OTHERS = {
    "--length": "use --max-length",
    "--num-samples": "--documents says how many",
    "--lines": "leave it out",
    "--stop": "leave it out",
    "--context": "documents begin with an empty memory: leave it out",
    "--color": "leave it out",
    "--interactive": "leave it out",
    "--no-echo": "leave it out: a prompt is the beginning of each document",
    "--novel": "leave it out; --new leaves out documents of the training text",
    "--no-repeat": "leave it out",
    "--words": "leave it out",
    "--regex": "leave it out",
}
"""Flags that do not go with --documents, and what to do."""


@dataclass(frozen=True)
class DocumentFlags:
    """Whole documents, written by a network that was trained with --documents."""

    documents: Annotated[Count | None, tyro.conf.arg(metavar="N")] = None
    """Write N documents, each from its beginning to its end. --prompt is the beginning of each."""
    unique: Switch = False
    """No two alike."""
    new: Switch = False
    """None that is a document of the training text, which is read again."""
    label: str | None = None
    """Write documents with this label, for a network that was trained with --label-field. By default each document
    gets a label that the network draws; without --documents, the likeliest one."""
    best_of: Annotated[int, Meta(ge=1, le=256)] = 1
    """Write N documents for each, and keep the one with the fewest nats per character under the network itself."""
    max_length: Annotated[int, Meta(ge=1, le=2**31 - 1)] = MAX_DOCUMENT_LENGTH
    """Cut a document that has not ended after N new characters (bytes, for a model of bytes)."""
    json: Switch = False
    """Print each document as a line of JSON: its text, characters, nats, and whether it ended."""


def check_document_flags(flags: DocumentFlags, given: Collection[str]) -> None:
    """Raise CharloopError for a value out of range, or flags of `given` (field names) that contradict each other."""
    check_ranges(flags)
    given = {f"--{name.replace('_', '-')}" for name in given}
    if flags.documents is None:
        needless = [flag for flag in OWN if flag in given]
        if needless:
            raise CharloopError(f"{needless[0]} needs --documents", do="say how many: --documents 20")
        return
    for flag, do in OTHERS.items():
        if flag in given:
            raise CharloopError(f"{flag} and --documents do not go together", do=do)
