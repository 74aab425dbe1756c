"""Standard output in an encoding of the user's choice; what that encoding lacks is replaced and counted."""

import codecs
import io
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from charloop.cli.terminal.output import print_notes
from charloop.data.vocabulary import Unit
from charloop.errors import CharloopError
from charloop.wording import number_of

REPLACING = "charloop-count"
"""The name by which Python's encoders find the handler that replaces and counts."""
MAX_NAMED = 5
"""The most replaced characters that a note names."""


def check_output_encoding(encoding: str | None) -> None:
    """Raise CharloopError unless `encoding` is None, or one in which Python can write a text piece by piece."""
    if encoding is None:
        return
    raw = io.BytesIO()
    try:
        trial = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")
        for piece in ("a", "b\n"):
            trial.write(piece)
            trial.flush()
        if raw.getvalue().decode(encoding) == "ab\n":
            return
    except (LookupError, ValueError):
        pass
    raise CharloopError(
        "--output-encoding", got=encoding, allowed="utf-8, latin-1, utf-16, cp1252 or another of Python's"
    )


@contextmanager
def encoding_output(encoding: str | None, unit: Unit) -> Iterator[None]:
    """Write standard output in `encoding` if it goes to a file or pipe, then say on standard error what was replaced.

    Raises CharloopError for an encoding of a network of bytes.
    """
    if encoding is None:
        yield
        return
    if unit == "byte":
        raise CharloopError(
            "--output-encoding: a network of bytes writes its bytes as they are", do="leave it out"
        )
    replaced: Counter[str] = Counter()

    def replace(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        lacking = error.object[error.start : error.end]
        replaced.update(lacking)
        return "?" * len(lacking), error.end

    codecs.register_error(REPLACING, replace)
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding=encoding, errors=REPLACING)
    try:
        yield
    finally:
        if replaced:
            print_notes([describe_replaced(encoding, replaced)])


def describe_replaced(encoding: str, replaced: Counter[str]) -> str:
    """Return how many characters became question marks, and which."""
    common = [character for character, _ in replaced.most_common(MAX_NAMED)]
    names = [c if c.isprintable() else f"U+{ord(c):04X}" for c in common]
    more = " ..." if len(replaced) > MAX_NAMED else ""
    return (
        f"wrote ? for {number_of(replaced.total(), 'character')} that {encoding} lacks: {' '.join(names)}{more}; "
        "--forbid keeps the network from writing them"
    )
