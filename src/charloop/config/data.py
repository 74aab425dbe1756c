"""The settings of the text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from charloop.config.ranges import Count, Fraction
from charloop.errors import refusing_unknown
from charloop.given import Fields, source_names

if TYPE_CHECKING:
    from charloop.given import Sources


@refusing_unknown("setting of the data")
@dataclass(frozen=True)
class DataConfig:
    """Where the text comes from, and how it is divided."""

    if TYPE_CHECKING:
        corpus: Sources = Sources()
    else:
        corpus: tuple[str, ...] = ()
        """Files, folders, globs, - for standard input, or named corpora (see `charloop corpora`)."""
    encoding: str = "utf-8"
    """Text encoding of the files, a name that Python knows; or auto: it is found for each file."""
    errors: Literal["strict", "replace"] = "strict"
    """What to do with bytes that are not valid in the encoding: refuse the text (strict), or replace each with U+FFFD
    and count them (replace)."""
    unit: Literal["char", "byte"] = "char"
    """What the network reads and predicts: Unicode code points (char), or the bytes of any file (byte)."""
    min_count: Count = 1
    """Replace characters that occur fewer than N times with one unknown symbol, which the network reads and predicts
    but never writes. 1: replace none."""
    documents: str = ""
    r"""Read the text as documents, each from an empty memory, and learn where they end. line: each line is one.
    blank-line: empty lines separate them. file: each file is one. Anything else is the separator itself (`\n`, `\t`
    and `\\` stand for newline, tab and backslash). Empty: one text."""
    text_field: str = ""
    """Read tables (.csv, .tsv) and JSON (.jsonl, .json), and learn the texts in this field: each record is a
    document. Empty: the files are text."""
    label_field: str = ""
    """Read what is in this field, such as a language or an author, as a label before each text: the network learns to
    write for a given label. Needs text-field."""
    shuffle: bool = False
    """Put the documents in random order, by the seed, before the text is divided."""
    hold_out: Literal["each-file", "end"] = "each-file"
    """Of documents in several files, hold out the last of each file (where files are documents: of each folder), or
    the last of the whole text (end). With shuffle it makes no difference."""
    validation_fraction: Fraction = 0.1
    """Fraction of the text that is held out for validation, from 0 to below 1: its end, or what precedes the test
    text."""
    test_fraction: Fraction = 0.0
    """Fraction of the text, at its end, that is held out for testing, from 0 to below 1."""
    batch_size: Count = 32
    """Number of batch rows: contiguous pieces of the text that are trained side by side."""
    seq_length: Count = 64
    """Characters of each batch row that one training step reads (the window of truncated backpropagation through
    time)."""

    random_offset: bool = False
    """Begin each epoch at another character, drawn by the seed among the first seq-length, so that chunks begin and
    end elsewhere in each (Merity et al. 2018 vary the length of chunks to that end)."""

    def __post_init__(self) -> None:
        """`corpus` may also be given as one name or path."""
        object.__setattr__(self, "corpus", source_names(self.corpus))

    @property
    def fields(self) -> Fields | None:
        """The fields of tables; None if the files are text."""
        return Fields(self.text_field, self.label_field) if self.text_field or self.label_field else None
