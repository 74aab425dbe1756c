"""The text that runs are compared on: each reads it with its own vocabulary, and must read the same characters."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from charloop.cells.from_object import is_user_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.texts import ChosenText, read_chosen_text
from charloop.data.unknown import UnknownCharacterError
from charloop.errors import CharloopError
from charloop.progress import ProgressListener

FRACTIONS = ("validation_fraction", "test_fraction")
SAME_CHARACTERS = "change it: all runs read the same characters"
"""What to do about a character that a run does not know: leaving it out would compare different texts."""


def open_run(path: Path, cells: Sequence[str]) -> RunFolder:
    """Open the run at `path`; the code of its own cell, if it has one, is among `cells`, FILE.py:CLASS."""
    stored = RunFolder.open(path, inspect=True).config.model.cell
    own = stored.rpartition(":")[2] if is_user_cell(stored) else None
    named = [cell for cell in cells if cell.rpartition(":")[2] == own]
    return RunFolder.open(path, cell=named[0] if named else None)


def refuse_other_texts(runs: Sequence[RunFolder]) -> None:
    """Raise CharloopError unless all runs hold out the same parts of the same text, as their config.json says."""
    first, *others = runs
    for other in others:
        if first.text.get("content_hash") != other.text.get("content_hash"):
            one, two = (
                f"{run.text.get('description')} (sha256 {str(run.text.get('content_hash'))[:12]})"
                for run in (first, other)
            )
            raise differ(first, other, "text", one, two)
        for name in FRACTIONS:
            one, two = (getattr(run.config.data, name) for run in (first, other))
            if one != two:
                raise differ(first, other, f"--{name.replace('_', '-')}", one, two)


def differ(first: RunFolder, other: RunFolder, what: str, one: object, two: object) -> CharloopError:
    """Return the error for two runs that hold out different texts."""
    do = "give a text for all of them: --text-file FILE"
    return CharloopError(f"{first.path} and {other.path} differ in {what}: {one} and {two}", do=do)


def read_for_all(
    runs: Sequence[RunFolder], text_file: str | None, part: str, listener: ProgressListener | None = None
) -> list[ChosenText]:
    """Return the text as each run reads it.

    Raises CharloopError if it is not the same characters for all, or some of them are unknown to a run.
    """
    if text_file is None:
        refuse_other_texts(runs)
    else:
        refuse_stream(text_file)
    given = [read_for_one(run, text_file, part, listener) for run in runs]
    for run, one in zip(runs[1:], given[1:], strict=True):
        refuse_other_characters(runs[0], given[0], run, one)
    return given


def refuse_stream(text: str) -> None:
    """Raise CharloopError for standard input and pipes, which cannot be read once for each run."""
    path = Path(text)
    if text == "-" or (path.exists() and not (path.is_file() or path.is_dir())):
        raise CharloopError(
            "--text-file", got=text, allowed="a file", do="each run reads it: write it to a file first"
        )


def read_for_one(
    run: RunFolder, text: str | None, part: str, listener: ProgressListener | None
) -> ChosenText:
    """Return the text as one run reads it; an error names that run."""
    try:
        return read_chosen_text(run, listener, texts=(text,) if text else (), part=part)
    except UnknownCharacterError as error:
        raise error.advising(SAME_CHARACTERS).of(run.path) from None
    except CharloopError as error:
        raise error.of(run.path) from None


def refuse_other_characters(first: RunFolder, one: ChosenText, run: RunFolder, other: ChosenText) -> None:
    """Raise CharloopError unless both runs read the same characters and know every one.

    With equal vocabularies, characters may be unknown: the unknown symbol is then the same for both.
    """
    vocabularies = first.vocabulary, run.vocabulary
    units = [vocabulary.unit for vocabulary in vocabularies]
    if units[0] != units[1]:
        raise CharloopError(
            f"{first.path} predicts {units[0]}s and {run.path} {units[1]}s: their losses are of different things"
        )
    same = vocabularies[0] == vocabularies[1]
    if not same:
        refuse_unknown(first, one)
        refuse_unknown(run, other)
    mine, theirs = (
        given.tokens if same else vocabulary.shown_codes[given.tokens]
        for vocabulary, given in zip(vocabularies, (one, other), strict=True)
    )
    if not np.array_equal(mine, theirs):
        raise CharloopError(
            f"{first.path} and {run.path} do not read the same characters in {one.name}",
            do="--encoding, --errors, --shuffle, --seed or --hold-out differed in training: compare runs that agree",
        )


def refuse_unknown(run: RunFolder, given: ChosenText) -> None:
    """Raise CharloopError if the run takes some of the characters for its unknown symbol."""
    unknown = run.vocabulary.count_unknown(given.tokens)
    if unknown:
        raise CharloopError(
            f"{unknown:,} characters of {given.name} are unknown to {run.path}, which has not the others' vocabulary",
            do="compare runs that know every character of it",
        )
