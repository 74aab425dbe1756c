"""charloop bench encode: a text to tokens, beside copying its file and decoding it."""

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from msgspec import Meta

from charloop.cli.commands.bench.figures import new_file, save
from charloop.cli.flags.parsing import check_ranges, parse
from charloop.cli.terminal.progress import progress
from charloop.errors import CharloopError, unknown_name


@dataclass(frozen=True)
class EncodeFlags:
    """Time how a text becomes tokens: reading, hashing, decoding, numbering, writing.

    Beside it: copying the file, and decoding it with Python.
    """

    texts: Annotated[tuple[str, ...], Meta(min_length=1)] = ("english", "german", "chinese")
    """Texts to make: english, german, chinese; or files of your own, in UTF-8."""
    megabytes: Annotated[int, Meta(ge=1, le=10**6)] = 200
    """Size of a text that is made."""
    units: Annotated[tuple[Literal["char", "byte"], ...], Meta(min_length=1)] = ("char", "byte")
    """What becomes a token."""
    rounds: Annotated[int, Meta(ge=2, le=10**6)] = 5
    """Times each program is run, in turn."""
    folder: Annotated[str, tyro.conf.arg(help_behavior_hint="(default: the system's)")] = ""
    """Where texts and tokens are written meanwhile; emptied of them at the end."""
    output: Annotated[
        str, tyro.conf.arg(aliases=("-o",), help_behavior_hint="(default: bench-encode-DATE-TIME.json)")
    ] = ""
    """New file for every figure and what it was taken on."""


def main(arguments: Sequence[str]) -> None:
    """Time, print each table as soon as it is there, and write down everything."""
    flags = check_ranges(parse(EncodeFlags, "bench encode", arguments))
    from charloop.benchmark.encoding import TEXTS, make_text, time_encoding
    from charloop.benchmark.machine import machine
    from charloop.cli.commands.bench.table import print_machine, print_paces, written_pace

    for name in flags.texts:
        if name not in TEXTS and not Path(name).is_file():
            raise unknown_name("text", name, TEXTS, do="or name a file")
    if flags.folder and not Path(flags.folder).is_dir():
        raise CharloopError("--folder: no such folder", got=flags.folder)
    file = new_file(flags.output, "encode")
    found: dict[str, Any] = {"machine": machine(), "flags": asdict(flags), "results": []}
    # Before the first minute of timing: a place that cannot be written is told of at once.
    save(file, found)
    print_machine(found["machine"])
    try:
        with tempfile.TemporaryDirectory(prefix="charloop-", dir=flags.folder or None) as name:
            for text in flags.texts:
                folder = Path(name)
                path = make_text(text, flags.megabytes * 10**6, folder) if text in TEXTS else Path(text)
                paces = time_encoding(path, flags.units, flags.rounds, folder, say=progress)
                progress()
                print_paces(text, paces)
                found["results"].append({"text": text, "rows": [*map(written_pace, paces)]})
                save(file, found)
    except OSError as error:
        raise CharloopError(
            f"cannot write a text to time ({error.strerror or error})", do="give another --folder"
        ) from None
    print(f"\nevery figure: {file}")
