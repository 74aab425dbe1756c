"""charloop report: a run as one page to read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch, check_ranges, parse
from charloop.cli.terminal.output import visible
from charloop.cli.terminal.progress import progress, reading
from charloop.errors import CharloopError
from charloop.files.named import check_target, is_file, write_new

if TYPE_CHECKING:
    import numpy as np

    from charloop.checkpoint import RunFolder
    from charloop.checkpoint.texts import ChosenText
    from charloop.report import Sources
    from charloop.trained import TrainedModel

FLAG, FILE = "--output", "report.html"


@dataclass(frozen=True)
class ReportFlags:
    """A run as one page to read in a browser: one file, which fetches nothing.

    How it learned, what surprises it, what its units track, what it copies.

    Without a text: the run's own validation text.
    """

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A run's folder."""
    texts: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[TEXT ...]", help_behavior_hint="")
    ] = ()
    """Files, folders, globs, - or named corpora: what the network is shown."""
    text: str | None = None
    """Show it this very string."""
    output: Annotated[str, tyro.conf.arg(metavar="FILE", aliases=("-o",), help_behavior_hint="")] = ""
    """Where the page goes; report.html in the run's folder if left out."""
    overwrite: Switch = False
    """Replace the file of --output if it is there already."""
    characters: Annotated[int, Meta(ge=2, le=20_000)] = 8000
    """Characters of the text that are on the page, from its beginning (bytes, for a network of bytes)."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Source of all chance in what the network writes: same seed, same page."""
    unknown: Literal["error", "skip"] = "error"
    """Characters that the network never saw: refuse the text, or leave them out."""
    errors: Literal["strict", "replace"] | None = None
    """Bytes that are no characters: refuse the text, or read U+FFFD in their place; as in training if left out."""
    weights: Literal["best", "last"] = "best"
    """The weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""


def main(arguments: Sequence[str]) -> None:
    """Look at the run, and write one file."""
    flags = check_ranges(parse(ReportFlags, "report", arguments))
    if flags.texts and flags.text is not None:
        raise CharloopError("more than one text to show", do="give files, or --text")

    from charloop.compilation_cache import enable_compilation_cache
    from charloop.devices import use_all_cores

    use_all_cores()
    enable_compilation_cache()
    from charloop.checkpoint import RunFolder
    from charloop.trained import load_trained_model

    folder = RunFolder.open(flags.run, cell=flags.cell)
    out = flags.output or own_place(folder)
    check_target(FLAG, out, overwrite=flags.overwrite)
    content = made(folder, load_trained_model(folder, weights=flags.weights), flags).encode()
    write_new(FLAG, out, lambda file: file.write(content), overwrite=flags.overwrite)
    # Where it goes into a pipe, that is no place for words.
    if is_file(Path(out)):
        print(f"report      {visible(out)}, {len(content) / 1e6:.1f} MB: open it in a browser")


def made(folder: "RunFolder", network: "TrainedModel", flags: ReportFlags) -> str:
    """The page. What goes on is said on a terminal, and goes away."""
    from charloop.report import gather_report, render_page

    sources = read_sources(folder, flags)
    try:
        return render_page(gather_report(folder, network, sources, progress), folder.vocabulary)
    finally:
        progress()


def own_place(folder: "RunFolder") -> str:
    """Where the page lies in a run.

    Raises CharloopError if a link or a pipe lies there: a run does not choose where is written.
    """
    path = folder.path / FILE
    if path.is_symlink() or (path.exists() and not is_file(path)):
        raise CharloopError(f"{path} is no plain file", do="move it away, or name another place by --output")
    return str(path)


def read_sources(folder: "RunFolder", flags: ReportFlags) -> "Sources":
    """The text that is asked for; CharloopError if it cannot be shown.

    The run's own validation text may be gone, or have changed: the page then says so, and has all the rest.
    """
    from charloop.checkpoint.texts import TextChoice, read_chosen_text
    from charloop.report import Sources, missing_because

    wanted = TextChoice(flags.texts, flags.text, None, flags.unknown, flags.errors)
    own = not flags.texts and flags.text is None
    try:
        with reading() as listener:
            given = read_chosen_text(folder, wanted, listener)
    except CharloopError as error:
        if not own:
            raise
        missing = missing_because(error, "Name a text: charloop report RUN TEXT.")
        return Sources("", missing, False, training_of(folder, None), flags.characters, flags.seed)
    check_length(given)
    training = training_of(folder, given)
    return Sources(given.name, given.tokens, own, training, flags.characters, flags.seed, given.notes)


def check_length(given: "ChosenText") -> None:
    """Raises CharloopError for a text in which nothing is predicted."""
    if len(given.tokens) < 2:
        raise CharloopError(
            "a text to show", got=f"{len(given.tokens)} characters the network knows", allowed="2 or more"
        )


def training_of(folder: "RunFolder", given: "ChosenText | None") -> "Callable[[], np.ndarray]":
    """Reads the training text when it is asked for, unless it was read with the other."""
    from charloop.checkpoint.texts import read_training_text

    def read() -> "np.ndarray":
        if given is not None and given.training is not None:
            return given.training
        with reading() as listener:
            return read_training_text(folder, listener)

    return read
