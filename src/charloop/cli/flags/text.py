"""What a network reads, as commands take it: the flags of a run and a text, and prompts and contexts."""

import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.flags.parsing import argument
from charloop.cli.terminal.progress import showing_progress
from charloop.data.decoding import decode_utf8
from charloop.data.vocabulary import Unit
from charloop.errors import CharloopError
from charloop.files.small import read_small

if TYPE_CHECKING:
    from charloop.checkpoint import RunFolder
    from charloop.checkpoint.texts import ChosenText

MAX_PROMPT_BYTES = 64 << 20
"""Largest prompt or context that is read from a file, in bytes."""
STDIN = "-"


@dataclass(frozen=True)
class ReadingFlags:
    """A run, and the text that it reads."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""
    texts: Annotated[tyro.conf.Positional[tuple[str, ...]], argument("[TEXT ...]")] = ()
    """Files, folders, globs, - for standard input, or named corpora; together they are one text."""
    text: str | None = None
    """Read this string instead of files."""
    unknown: Literal["error", "skip"] = "error"
    """What to do with characters that the network does not know: refuse the text (error), or leave them out (skip). A
    network that was trained with --min-count reads them as its unknown symbol instead, and predicts only that one of
    them comes."""
    encoding: Annotated[str | None, argument("NAME", default="as in training")] = None
    """Text encoding of the files, a name that Python knows; or auto: it is found for each file."""
    errors: Annotated[Literal["strict", "replace"] | None, argument(None, default="as in training")] = None
    """What to do with bytes that are not valid in the encoding: refuse the text (strict), or replace each with U+FFFD
    (replace)."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""

    def read_text(self, folder: "RunFolder", part: str = "val") -> "ChosenText":
        """Return the text that is asked for, or that part of the run's own, with a line that shows the progress."""
        from charloop.checkpoint.texts import read_chosen_text

        for flag, value in (("--encoding", self.encoding), ("--errors", self.errors)):
            if value and not self.texts:
                raise CharloopError(f"{flag} is for files", do=f"name the files to read, or leave {flag} out")
        with showing_progress() as listener:
            return read_chosen_text(
                folder,
                listener,
                texts=self.texts,
                text=self.text,
                part=part,
                unknown=self.unknown,
                errors=self.errors,
                encoding=self.encoding,
            )


def read_context(given: str | None, *, taken: str | None, unit: Unit) -> str | None:
    """Return the context that --context gives: the content of a file, standard input for -, or the text itself.

    `taken`: what another flag reads. Raises CharloopError if both are standard input.
    """
    if given is None:
        return None
    if given == STDIN and taken == STDIN:
        raise CharloopError(
            "--context - reads standard input, which is read already", do="give one of them as a file"
        )
    # os.path also accepts a name that no file can have.
    return read_prompt_file("context", given, unit) if given == STDIN or os.path.exists(given) else given


def read_prompt_file(what: str, path: str, unit: Unit) -> str:
    """Return the text in the file `path`, or in standard input for -.

    unit "byte": bytes that are not UTF-8 become `STRAY_BYTES`. Otherwise `StringReader` is to read it next.
    """
    name = "standard input" if path == STDIN else path
    try:
        if path == STDIN:
            content = sys.stdin.buffer.read(MAX_PROMPT_BYTES + 1)
            if len(content) > MAX_PROMPT_BYTES:
                raise OSError(errno.EFBIG, f"more than {MAX_PROMPT_BYTES >> 20} MB")
        else:
            content = read_small(Path(path), max_bytes=MAX_PROMPT_BYTES, only_file=False)
        if unit == "byte":
            return decode_utf8(content)
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CharloopError(
            f"the {what} in {name} is not UTF-8, at byte {error.start}",
            do="convert it, as with: iconv -f latin1 -t utf-8",
        ) from None
    except OSError as error:
        raise CharloopError(f"cannot read the {what} {name} ({error.strerror})") from None
