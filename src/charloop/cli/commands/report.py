"""charloop report: a run as one HTML page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from charloop.cli.flags.dynamic import ScoringLearningFlags, check_learning
from charloop.cli.flags.parsing import Switch, argument, check_ranges, given_flags, parse
from charloop.cli.flags.text import ReadingFlags
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.dynamic_scores import tune
from charloop.cli.terminal.output import visible
from charloop.cli.terminal.progress import show_status, showing_progress
from charloop.errors import CharloopError
from charloop.files.output import check_output, would_overwrite, write_output

if TYPE_CHECKING:
    import numpy as np

    from charloop.checkpoint import RunFolder
    from charloop.checkpoint.texts import ChosenText
    from charloop.report import ReportSources

FLAG, FILE = "--output", "report.html"


@dataclass(frozen=True)
class ReportFlags(ReadingFlags):
    """Show a run as one HTML page: a single file that opens offline in any browser.

    It shows how the network learned, what surprises it, what its units track.

    Without a text, the network reads the run's own validation text.
    """

    output: Annotated[str, argument("FILE", "-o", default="report.html in the run's folder")] = ""
    """The file to write."""
    overwrite: Switch = False
    """Replace the file of --output if it exists."""
    characters: Annotated[int, Meta(ge=2, le=20_000)] = 8000
    """Number of characters of the text on the page, from its beginning, from 2 to 20,000 (bytes for a byte
    network)."""
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0
    """Seed for what the network writes: the same seed gives the same page."""
    learning: ScoringLearningFlags = field(default_factory=ScoringLearningFlags)


def main(arguments: Sequence[str]) -> None:
    """Analyse the run, and write the page."""
    flags = check_ranges(parse(ReportFlags, "report", arguments))
    if flags.texts and flags.text is not None:
        raise CharloopError("more than one text to show", do="give files, or --text")
    check_learning("--dynamic", given_flags(arguments), flags.learning.dynamic)
    prepare_jax()
    from charloop.checkpoint import RunFolder
    from charloop.report import gather_report, render_page
    from charloop.trained import load_trained_model

    folder = RunFolder.open(flags.run, cell=flags.cell)
    out = flags.output or default_output(folder)
    check_output(FLAG, out, overwrite=flags.overwrite)
    network = load_trained_model(folder, weights=flags.weights)
    sources = read_sources(folder, flags)
    if flags.learning.dynamic:
        learning = tune(network, flags.learning) if flags.learning.tune else flags.learning
        sources = replace(sources, learning=learning)
    try:
        report = gather_report(folder, network, sources, show_status)
        content = render_page(report, folder.vocabulary).encode()
    finally:
        show_status()
    write_output(FLAG, out, lambda file: file.write(content), overwrite=flags.overwrite)
    # A pipe carries nothing but the page.
    if would_overwrite(Path(out)):
        print(f"report      {visible(out)}, {len(content) / 1e6:.1f} MB: open it in a browser")


def default_output(folder: "RunFolder") -> str:
    """Return the path of the page in a run's folder.

    Raises CharloopError if a link or a pipe has that path: a run must not redirect what is written.
    """
    path = folder.path / FILE
    if path.is_symlink() or (path.exists() and not would_overwrite(path)):
        raise CharloopError(
            f"{path} is not a regular file", do="move it away, or choose another file with --output"
        )
    return str(path)


def read_sources(folder: "RunFolder", flags: ReportFlags) -> "ReportSources":
    """Return the text that is asked for; CharloopError if it cannot be read.

    If the run's own validation text is gone or has changed, the page says so and is otherwise complete.
    """
    from charloop.report import ReportSources, missing_because

    own = not flags.texts and flags.text is None
    try:
        given = flags.read_text(folder)
    except CharloopError as error:
        if not own:
            raise
        missing = missing_because(error, "Name a text: charloop report RUN TEXT.")
        return ReportSources("", missing, False, training_of(folder, None), flags.characters, flags.seed)
    if len(given.tokens) < 2:
        known = f"{len(given.tokens)} characters the network knows"
        raise CharloopError("a text to show", got=known, allowed="2 or more")
    training = training_of(folder, given)
    return ReportSources(given.name, given.tokens, own, training, flags.characters, flags.seed, given.notes)


def training_of(folder: "RunFolder", given: "ChosenText | None") -> "Callable[[], np.ndarray]":
    """Return a function that reads the training text, unless it was read together with the other text."""
    from charloop.checkpoint.texts import read_training_text

    def read() -> "np.ndarray":
        if given is not None and given.training is not None:
            return given.training
        with showing_progress() as listener:
            return read_training_text(folder, listener)

    return read
