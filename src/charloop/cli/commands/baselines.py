"""charloop baselines: how well n-grams and compressors predict a text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from charloop.cli.flags.parsing import Switch, argument, check_ranges, parse
from charloop.cli.terminal.progress import showing_progress
from charloop.config import Count, DataConfig, Fraction, Seed
from charloop.errors import CharloopError

if TYPE_CHECKING:
    from charloop.baselines import Baselines


@dataclass(frozen=True)
class BaselinesFlags:
    """Measure how well n-grams and compressors predict a text, without a network.

    They learn from the training text and predict the validation text.

    The text is split as by charloop train.
    """

    corpus: Annotated[tyro.conf.Positional[tuple[str, ...]], argument("TEXT ...")]
    """Files, folders, globs, - for standard input, or named corpora (see charloop corpora)."""
    encoding: str = "utf-8"
    """Text encoding of the files, a name that Python knows; or auto: it is found for each file."""
    unit: Literal["char", "byte"] = "char"
    """What is predicted: Unicode code points (char), or the bytes of any file (byte)."""
    errors: Literal["strict", "replace"] = "strict"
    """What to do with bytes that are not valid in the encoding: refuse the text (strict), or replace each with U+FFFD
    (replace)."""
    min_count: Count = 1
    """Replace characters that occur fewer than N times with one unknown symbol."""
    documents: str = ""
    r"""Read the text as documents; n-grams read each from an empty memory, as a network does. line: each line is one.
    blank-line: empty lines separate them. file: each file is one. Anything else is the separator itself (`\n`, `\t`
    and `\\` stand for newline, tab and backslash). Empty: one text."""
    text_field: str = ""
    """Read tables (.csv, .tsv) and JSON lines (.jsonl): the text in this field of each record is a document."""
    label_field: str = ""
    """Read what is in this field as a label before each text. Needs --text-field."""
    shuffle: Switch = False
    """Put the documents in random order before the text is divided."""
    hold_out: Literal["each-file", "end"] = "each-file"
    """Of documents in several files, hold out the last of each file (where files are documents: of each folder), or
    the last of the whole text (end). With --shuffle it makes no difference."""
    seed: Seed = 0
    """Seed of that order: the same as for charloop train."""
    validation_fraction: Fraction = 0.1
    """Fraction of the text that is predicted (the validation text), from 0 to below 1."""
    test_fraction: Fraction = 0.0
    """Fraction of the text, at its end, that is not used, from 0 to below 1."""
    json: Switch = False
    """Print one JSON object."""


def main(arguments: Sequence[str]) -> None:
    """Measure the baselines and print them."""
    flags = check_ranges(parse(BaselinesFlags, "baselines", arguments))
    if not flags.corpus:
        raise CharloopError(
            "no text to measure", do="give a file, a folder or a corpus: charloop baselines book.txt"
        )
    if not flags.validation_fraction:
        raise CharloopError("--validation-fraction", got=0.0, allowed="above 0", do="that part is predicted")

    from charloop.baselines import find_baselines
    from charloop.data import load_corpus
    from charloop.data.notes import note_split

    with showing_progress() as listener:
        corpus = load_corpus(
            flags.corpus,
            encoding=flags.encoding,
            unit=flags.unit,
            errors=flags.errors,
            min_count=flags.min_count,
            documents=flags.documents,
            fields=DataConfig(text_field=flags.text_field, label_field=flags.label_field).fields,
            shuffle=flags.seed if flags.shuffle else None,
            hold_out=flags.hold_out,
            listener=listener,
        )
    cut = corpus.split(flags.validation_fraction, flags.test_fraction)
    train, text = corpus.tokens[cut.train], corpus.tokens[cut.validation]
    _, baselines = find_baselines(train, text, corpus.vocabulary)
    noted = note_split(corpus, cut, shuffled=flags.shuffle)
    notes = [*corpus.notes, *noted, *([baselines.portion] if baselines.portion else [])]
    facts = {"text": corpus.description, "train": len(train), "validation": len(text), "notes": notes}
    if flags.json:
        from charloop.baselines.wording import baseline_values

        print(json.dumps({**facts, "baselines": baseline_values(baselines)}))
    else:
        print("\n".join(baseline_lines(facts, baselines)))


def baseline_lines(facts: dict[str, Any], baselines: "Baselines") -> list[str]:
    """Return a table for people, with the lowest loss marked as the one to beat."""
    from charloop.cli.terminal.tables import left, right, table_lines

    best = min(baselines.entries, key=lambda baseline: baseline.nats)
    rows = [
        (
            baseline.name,
            f"{baseline.nats:.4f}",
            f"{baseline.bits:.4f}",
            "the one to beat" if baseline is best else "",
        )
        for baseline in baselines.entries
    ]
    columns = [left("", 8), right("nats/char"), right("bits/char"), left("")]
    return [
        f"text     {facts['text']}",
        f"split    {facts['train']:,} to learn from, {facts['validation']:,} to predict",
        *(f"note     {note}" for note in facts["notes"]),
        "",
        *table_lines(columns, rows),
    ]
