"""The flags of `charloop sample` that say what the network may write, and the constraints that they ask for."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from charloop.cli.terminal.progress import showing_progress
from charloop.config import Count
from charloop.data.strings import StringReader
from charloop.errors import CharloopError
from charloop.files.small import read_small

if TYPE_CHECKING:
    from charloop.sampling import Constraint
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class ConstraintFlags:
    """What the network may write. If a text leads to a dead end, the network goes back and tries another way.

    Writing is slower than without: the constraints are asked before each character."""

    novel: Annotated[Count | None, tyro.conf.arg(metavar="N")] = None
    """Never copy more than N consecutive characters (bytes for a byte network) from the training text, which is read
    again. A copy may begin in the prompt."""
    no_repeat: Annotated[Count | None, tyro.conf.arg(metavar="N")] = None
    """Write no sequence of N characters (bytes for a byte network) twice, nor one of the prompt."""
    words: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Write only words of this list (UTF-8, separated by white space). Between words, all characters but letters are
    allowed. A lower-case word may be written capitalised or in capitals. Not for a byte network."""
    regex: Annotated[str | None, tyro.conf.arg(metavar="PATTERN")] = None
    """Write a text that matches this regular expression of Python's re as a whole (for a byte network, one of bytes);
    look-around, back references and \\b are not supported. The text ends where the pattern allows no further
    character."""


def make_constraints(
    flags: ConstraintFlags, network: "TrainedModel", reader: StringReader
) -> "tuple[Constraint, ...]":
    """Return the constraints of the flags."""
    from charloop.sampling import NoRepeat, Pattern, Words

    found: list[Constraint] = []
    if flags.novel is not None:
        with showing_progress() as listener:
            found.append(network.novel(flags.novel, listener))
    if flags.no_repeat is not None:
        found.append(NoRepeat(flags.no_repeat, network.vocabulary.size))
    if flags.words is not None:
        found.append(Words.of(read_words(flags.words), network.vocabulary, reader))
    if flags.regex is not None:
        found.append(Pattern(flags.regex, network.vocabulary, reader))
    return tuple(found)


def read_words(path: str) -> list[str]:
    """Read the words in the file `path`."""
    try:
        return read_small(Path(path), only_file=False).decode("utf-8").split()
    except UnicodeDecodeError as error:
        raise CharloopError(f"the words in {path} are not UTF-8, at byte {error.start}") from None
    except OSError as error:
        raise CharloopError(f"cannot read the words {path} ({error.strerror})") from None
