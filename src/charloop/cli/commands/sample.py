"""charloop sample: let a trained network write."""

import secrets
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.context import read_context, read_place
from charloop.cli.flags.parsing import Switch, given_flags, of_flag, parse
from charloop.cli.terminal.output import visible
from charloop.cli.terminal.progress import reading
from charloop.cli.terminal.surprise_colors import LEGEND, Painter, wants_color
from charloop.errors import CharloopError
from charloop.files.small import read_small
from charloop.sampling.config import SamplingConfig

if TYPE_CHECKING:
    from charloop.sampling import Before, Constraint
    from charloop.trained import TrainedModel


@dataclass(frozen=True)
class SamplingFlags(SamplingConfig):
    """How it writes."""

    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None  # type: ignore[assignment]
    """Seed of the random numbers: the same seed writes the same text. Without one it is another text each time, and
    its seed is printed on standard error."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except CharloopError as error:
            raise of_flag(error) from None


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


@dataclass(frozen=True)
class SampleFlags:
    """Let a trained network write: the prompt, then new text, as it comes."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A run's folder."""
    prompt: Annotated[str, tyro.conf.arg(metavar="TEXT", help_behavior_hint="")] = ""
    """Text to go on from, read as the beginning of a paragraph or line; nothing: a new one begins."""
    prompt_file: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Read the prompt from a file, or from standard input with -."""
    context: Annotated[str | None, tyro.conf.arg(metavar="TEXT|FILE", help_behavior_hint="")] = None
    """What the prompt goes on from instead: a file's content, or standard input with -, or where no file is called
    that this very text. It is read before the prompt and not written."""
    no_echo: Switch = False
    """Leave out the prompt, and write the new text only."""
    color: Literal["none", "surprise"] = "none"
    """Colour each new character by the bits it cost the network, in its own probabilities before temperature and
    filters; on a terminal, or with FORCE_COLOR set anywhere, and never with NO_COLOR set."""
    interactive: Switch = False
    """Write together on a terminal: it shows what is likely to come next, and a person chooses, types, lets the
    network draw, takes back. The keys are shown; the text is printed at the end."""
    weights: Literal["best", "last"] = "best"
    """The weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""
    sampling: SamplingFlags = field(default_factory=SamplingFlags)
    constraints: ConstraintFlags = field(default_factory=ConstraintFlags)


def main(arguments: Sequence[str]) -> None:
    """Stream one text, or write several one after the other."""
    flags, drawn = with_seed(parse(SampleFlags, "sample", arguments))
    if flags.interactive:
        from charloop.cli.interactive.session import check_interactive

        check_interactive(given_flags(arguments))
    prompt = read_prompt(flags)
    context = read_context(flags.context, taken=flags.prompt_file)

    from charloop.compilation_cache import enable_compilation_cache
    from charloop.devices import use_all_cores

    use_all_cores()
    enable_compilation_cache()
    from charloop.trained import load

    network = load(flags.run, cell=flags.cell, weights=flags.weights)
    for note in network.notes:
        print(f"note: {note}", file=sys.stderr)
    before = network.before(context)
    if flags.interactive:
        from charloop.cli.interactive.session import write_together

        colored = flags.color == "surprise" and wants_color()
        config = SamplingConfig(**asdict(flags.sampling))
        text = write_together(network, prompt, config, before, opening=not flags.no_echo, colored=colored)
        write("", [text])
        return
    settings = asdict(flags.sampling)
    settings["context"] = context
    settings["constraints"] = constraints_of(flags.constraints, network)
    opening = "" if flags.no_echo else prompt
    painted = flags.color == "surprise" and wants_color()
    paint = Painter(network, prompt, flags.sampling.unknown, before) if painted else None
    if flags.sampling.num_samples == 1:
        pieces = network.stream(prompt, **settings)
        write(opening, pieces, paint)
        finish(paint, before, drawn)
        return
    texts = network.sample(prompt, **settings)
    for number, text in enumerate(texts, start=1):
        print(f"--- {number} ---")
        write(opening, [text], paint and paint.again())
    finish(paint, before, drawn)


def with_seed(flags: SampleFlags) -> tuple[SampleFlags, int | None]:
    """The flags with a seed, and the seed if it was drawn here and chance decides what is written."""
    sampling = flags.sampling
    if sampling.seed is not None:
        return flags, None
    drawn = secrets.randbelow(2**32)
    flags = replace(flags, sampling=replace(sampling, seed=drawn))
    return flags, drawn if sampling.temperature else None


def finish(paint: Painter | None, before: "Before", drawn: int | None) -> None:
    """Below the text: what the colours mean; on standard error what was read before the prompt, and a drawn seed."""
    if paint:
        print(LEGEND, flush=True)
    if before.text or before.is_context:
        print(f"note: read from {before.description}", file=sys.stderr)
    if drawn is not None:
        print(f"note: --seed {drawn} writes this again", file=sys.stderr)


def write(opening: str, pieces: Iterable[str], paint: Painter | None = None) -> None:
    """Write text as it comes, and leave the cursor at the start of a line."""
    # A file gets the text as it is; a terminal would obey its control characters.
    shown = visible if sys.stdout.isatty() else str
    last = sys.stdout.write(shown(opening)) and opening[-1:]
    try:
        for piece in pieces:
            sys.stdout.write(paint.paint(piece) if paint else shown(piece))
            sys.stdout.flush()
            last = piece[-1:] or last
    except CharloopError:
        # What goes wrong in the middle of a text is told on a line of its own.
        sys.stdout.write("\n" if last and last != "\n" else "")
        raise
    if last != "\n":
        sys.stdout.write("\n")
    sys.stdout.flush()


def read_prompt(flags: SampleFlags) -> str:
    """The prompt, wherever it is."""
    if flags.prompt_file is None:
        return flags.prompt
    if flags.prompt:
        raise CharloopError("--prompt and --prompt-file do not go together", do="leave one out")
    return read_place("prompt", flags.prompt_file)


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
