"""The flags of `charloop sample`: how the network writes, what it may write, and whole documents."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch, argument, check_ranges, of_flag
from charloop.cli.flags.text import read_prompt_file
from charloop.cli.terminal.progress import showing_progress
from charloop.config.ranges import Count
from charloop.data.forms import StringReader
from charloop.errors import CharloopError
from charloop.sampling.config import MAX_DOCUMENT_LENGTH, SamplingConfig, Stop

if TYPE_CHECKING:
    from charloop.sampling import Constraint
    from charloop.trained import TrainedModel

OWN = ("--unique", "--new", "--best-of", "--max-length", "--json")
"""Flags that need --documents."""
OTHERS = {
    "--length": "use --max-length",
    "--num-samples": "--documents says how many",
    "--lines": "leave {} out",
    "--stop": "leave {} out",
    "--context": "documents begin with an empty memory: leave {} out",
    "--color": "leave {} out",
    "--interactive": "leave {} out",
    "--no-echo": "leave {} out: a prompt is the beginning of each document",
    "--novel": "leave {} out; --new leaves out documents of the training text",
    "--no-repeat": "leave {} out",
    "--words": "leave {} out",
    "--regex": "leave {} out",
}
"""Flags that do not go with --documents, and what to do."""


@dataclass(frozen=True)
class SamplingFlags(SamplingConfig):
    """How the network writes."""

    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None  # type: ignore[assignment]
    """Seed of the random numbers: the same seed writes the same text. Without it, each call draws a seed, so that
    texts differ, and prints it on standard error."""
    stop: Annotated[tuple[Stop, ...], argument("TEXT"), tyro.conf.UseAppendAction] = ()
    """Stop before this string. Given several times: before the first of them that is written."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except CharloopError as error:
            raise of_flag(error) from None


def check_sampling_flags(flags: SamplingFlags, given: Collection[str]) -> None:
    """Raise CharloopError if `given` (field names) has a flag that does nothing without another."""
    if "repetition_window" in given and flags.repetition_penalty == 1:
        raise CharloopError(
            "--repetition-window needs --repetition-penalty",
            do="say how strong it is: --repetition-penalty 1.2",
        )


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
        found.append(
            Words.of(read_prompt_file("word list", flags.words, "char").split(), network.vocabulary, reader)
        )
    if flags.regex is not None:
        found.append(Pattern(flags.regex, network.vocabulary, reader))
    return tuple(found)


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
    """Cut a document that has not ended after N new characters (bytes for a byte network)."""
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
            raise CharloopError(f"{flag} and --documents do not go together", do=do.format(flag))
