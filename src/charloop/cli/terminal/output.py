"""Standard output that never stops a command, whatever the characters and whenever the reader exits."""

import io
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.cli.terminal.surprise_colors import Painter

# Not \t and \n: they are text. A network of bytes writes all of the others, and a terminal would obey them.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


_LABEL = re.compile(r"^(?: +|\S+(?: \S+)?  +|\S+ +)")
"""Label and space at the beginning of a line: `note        `, `read from   `, `note: `; or space alone."""
_INVISIBLE = re.compile(rf"{CONTROL.pattern}|[\ud800-\udfff]")


def visible(text: str) -> str:
    """Return `text` with each control character replaced by a visible symbol that has no effect on a terminal."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


@dataclass(frozen=True)
class TextWriter:
    r"""Writes generated text to standard output.

    A file or pipe gets it as it is. A terminal, which would act on control characters, gets symbols instead of them.
    With `as_bytes`, the text is one of `decode_utf8`: a file or pipe gets its bytes, and a terminal \x.. for each
    byte of a control character and for each that is not UTF-8.
    """

    as_bytes: bool = False

    def write(self, text: str) -> None:
        """Write a piece of the text."""
        if sys.stdout.isatty():
            sys.stdout.write(_INVISIBLE.sub(_escape, text) if self.as_bytes else visible(text))
        elif self.as_bytes and hasattr(sys.stdout, "buffer"):
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
        else:
            sys.stdout.write(text)


def _escape(character: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character[0].encode("utf-8", "surrogateescape"))


def print_text(
    opening: str,
    pieces: Iterable[str],
    paint: "Painter | None" = None,
    *,
    writer: TextWriter,
    ends_line: bool = True,
) -> None:
    """Print text as it arrives, and with `ends_line` end with a newline."""
    writer.write(opening)
    last = opening[-1:]
    try:
        for piece in pieces:
            if paint:
                sys.stdout.write(paint.paint(piece))
            else:
                writer.write(piece)
            sys.stdout.flush()
            last = piece[-1:] or last
    except CharloopError:
        # The error message gets a line of its own.
        sys.stdout.write("\n" if last and last != "\n" else "")
        raise
    if ends_line and last != "\n":
        sys.stdout.write("\n")
    sys.stdout.flush()


def print_notes(notes: Iterable[str]) -> None:
    """Print notes on standard error."""
    print_lines((f"note: {note}" for note in notes), sys.stderr)


def print_lines(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Print lines, each a label and a text or a row of a table, on standard output by default.

    A terminal gets a long text wrapped at spaces, beside its label; in a file or pipe one line stays one line.
    """
    stream = stream or sys.stdout
    columns = terminal_columns(stream) if stream.isatty() else 0
    for line in lines:
        print(wrap_line(line, columns) if columns else line, file=stream, flush=True)


def wrap_line(line: str, columns: int) -> str:
    """Return a label and a text, wrapped beside the label if longer than `columns`; a row of a table as it is."""
    from charloop.wording import entry

    text = _LABEL.sub("", line)
    if len(line) <= columns or "\n" in text or "  " in text:
        return line
    label = line.removesuffix(text)
    return entry(label, text, len(label), columns)


def terminal_columns(stream: TextIO) -> int:
    """Return the width of the terminal that `stream` writes to, or what COLUMNS says."""
    try:
        own = os.get_terminal_size(stream.fileno())
    except OSError:
        own = os.terminal_size((80, 24))
    return shutil.get_terminal_size(own).columns


def prepare() -> None:
    r"""Write UTF-8 to files and pipes, whatever the locale, unless PYTHONIOENCODING names another encoding.

    What the encoding lacks becomes \x.. or \u.... instead of ending the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            follows_locale = stream.isatty() or "PYTHONIOENCODING" in os.environ
            stream.reconfigure(encoding=None if follows_locale else "utf-8", errors="backslashreplace")


def mute() -> None:
    """Discard further output, because its reader has exited (`| head`) or its disk is full."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
