"""New text on standard output, as it is written."""

import sys
from collections.abc import Iterable

from charloop.cli.terminal.output import TextWriter
from charloop.cli.terminal.surprise_colors import Painter
from charloop.errors import CharloopError


def print_text(
    opening: str,
    pieces: Iterable[str],
    paint: Painter | None = None,
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
