"""What `charloop report` shows a network, and where it looks for copies."""

from typing import TYPE_CHECKING

from charloop.cli.eval_texts import Given, Wanted, read_text, reading
from charloop.errors import CharloopError

if TYPE_CHECKING:
    import numpy as np

    from charloop.checkpoint import RunFolder
    from charloop.cli.report_command import ReportFlags
    from charloop.report import Sources


def read_sources(folder: "RunFolder", flags: "ReportFlags") -> "Sources":
    """The text that is asked for; CharloopError if it cannot be shown.

    The run's own validation text may be gone, or have changed: the page then says so, and has all the rest.
    """
    from charloop.report import Sources, sentence

    wanted = Wanted(flags.texts, flags.text, None, flags.unknown, flags.errors)
    own = not flags.texts and flags.text is None
    try:
        given = read_text(folder, wanted)
    except CharloopError as error:
        if not own:
            raise
        missing = sentence(error, "Name a text: charloop report RUN TEXT.")
        return Sources("", missing, False, training_of(folder, None), flags.characters, flags.seed)
    check_length(given)
    training = training_of(folder, given)
    return Sources(given.name, given.tokens, own, training, flags.characters, flags.seed, given.notes)


def check_length(given: Given) -> None:
    """Raises CharloopError for a text in which nothing is predicted."""
    if len(given.tokens) < 2:
        raise CharloopError(
            "a text to show", got=f"{len(given.tokens)} characters the network knows", allowed="2 or more"
        )


def training_of(folder: "RunFolder", given: Given | None):  # type: ignore[no-untyped-def]
    """Reads the training text when it is asked for, unless it was read with the other."""
    from charloop.checkpoint.text import read_training_text

    def read() -> "np.ndarray":
        if given is not None and given.training is not None:
            return given.training
        with reading() as listener:
            return read_training_text(folder, listener)

    return read
