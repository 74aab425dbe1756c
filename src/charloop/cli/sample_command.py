"""charloop sample: let a trained network write."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from charloop.cli.arguments import Switch, given_flags, of_flag, parse
from charloop.cli.context import read_context, read_place
from charloop.cli.output import visible
from charloop.cli.sample_constraints import ConstraintFlags, constraints_of
from charloop.cli.surprise_colors import LEGEND, Painter, wants_color
from charloop.errors import CharloopError
from charloop.sampling.config import SamplingConfig

if TYPE_CHECKING:
    from charloop.sampling import Before


@dataclass(frozen=True)
class SamplingFlags(SamplingConfig):
    """How it writes."""

    def __post_init__(self) -> None:
        try:
            super().__post_init__()
        except CharloopError as error:
            raise of_flag(error) from None


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
    flags = parse(SampleFlags, "sample", arguments)
    if flags.interactive:
        from charloop.cli.interactive import check_interactive

        check_interactive(given_flags(arguments))
    prompt = read_prompt(flags)
    context = read_context(flags.context, taken=flags.prompt_file)

    from charloop.cli.programs import keep_programs
    from charloop.devices import offer_cores

    offer_cores()
    keep_programs()
    from charloop.trained import load

    network = load(flags.run, cell=flags.cell, weights=flags.weights)
    for note in network.notes:
        print(f"note: {note}", file=sys.stderr)
    before = network.before(context)
    if flags.interactive:
        from charloop.cli.interactive import write_together

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
        finish(paint, before)
        return
    texts = network.sample(prompt, **settings)
    for number, text in enumerate(texts, start=1):
        print(f"--- {number} ---")
        write(opening, [text], paint and paint.again())
    finish(paint, before)


def finish(paint: Painter | None, before: "Before") -> None:
    """Below the text: what the colours mean, and on standard error what was read before the prompt, if anything."""
    if paint:
        print(LEGEND, flush=True)
    if before.text or before.is_context:
        print(f"note: read from {before.description}", file=sys.stderr)


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
