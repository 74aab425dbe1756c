"""What `charloop sample` may write."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from charloop.cli.eval_texts import reading
from charloop.errors import CharloopError
from charloop.small_files import read_small

if TYPE_CHECKING:
    from charloop.sampling import Constraint
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class ConstraintFlags:
    """What it may write; what has led into a corner is taken back, and another way is tried."""

    novel: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Never write more than N consecutive characters (bytes, for a model of bytes) that stand in the training text,
    which is read again; the prompt counts as their beginning."""
    words: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Write only words of this list (UTF-8, any white space between them). What is no letter is free between words; a
    word in small letters may begin with a capital, or be all capitals. Not for a model of bytes."""
    regex: Annotated[str | None, tyro.conf.arg(metavar="PATTERN")] = None
    """Write what as a whole matches this pattern of Python's re (for a model of bytes a pattern of bytes), without
    look-around, back references and \\b. It goes on as long as it may, and ends where nothing may follow."""

    def __post_init__(self) -> None:
        if self.novel is not None and self.novel < 1:
            raise CharloopError("--novel", got=self.novel, allowed="1 or more")


def constraints_of(flags: ConstraintFlags, network: "TrainedModel") -> "tuple[Constraint, ...]":
    """The constraints that `flags` ask for."""
    from charloop.sampling import Pattern, Words

    found: list[Constraint] = []
    if flags.novel is not None:
        with reading() as listener:
            found.append(network.novel(flags.novel, listener))
    if flags.words is not None:
        found.append(Words.of(read_words(flags.words), network.vocabulary))
    if flags.regex is not None:
        found.append(Pattern(flags.regex, network.vocabulary))
    return tuple(found)


def read_words(place: str) -> list[str]:
    """The words in the file `place`."""
    try:
        return read_small(Path(place), only_file=False).decode("utf-8-sig").split()
    except UnicodeDecodeError as error:
        raise CharloopError(f"the words in {place} are not UTF-8, at byte {error.start}") from None
    except OSError as error:
        raise CharloopError(f"cannot read the words {place} ({error.strerror})") from None
