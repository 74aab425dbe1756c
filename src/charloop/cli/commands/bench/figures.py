"""What the benches with peers share: who takes part, the file of every figure, and what is said meanwhile."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloop.errors import CharloopError, unknown_name

if TYPE_CHECKING:
    from charloop.benchmark.peers import Peer


def choose(found: "Sequence[Peer]", against: Sequence[str], folder: str) -> "list[Peer]":
    """charloop, and the peers asked for: all of them if none is."""
    named = {peer.name: peer for peer in found}
    for name in against:
        if name not in named:
            raise unknown_name(f"peer in {folder}", name, named)
    return [named[name] for name in dict.fromkeys((found[0].name, *(against or named)))]


def new_file(out: str, question: str) -> Path:
    """Where the figures go; CharloopError if something is there already."""
    file = Path(out or f"bench-{question}-{datetime.now():%Y%m%d-%H%M%S}.json")
    if file.exists():
        raise CharloopError("--output is there already", got=str(file), do="move it away, or name another")
    return file


def save(file: Path, found: dict[str, Any]) -> None:
    """Write down what there is so far."""
    from charloop.files.atomic import write_atomically

    write_atomically(file, (json.dumps(found, indent=1) + "\n").encode())
