"""charloop vectors: each document as a vector, in a file of NumPy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from charloop.cli.flags.parsing import Switch, argument, check_ranges, parse
from charloop.cli.flags.text import ReadingFlags
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import print_lines
from charloop.cli.terminal.progress import showing_progress
from charloop.config.ranges import Count
from charloop.errors import CharloopError
from charloop.files.output import check_output, write_output
from charloop.wording import number_of

FLAG = "--output"
LABELS_READ = (
    "the network reads the label of each document before its text, so its vector may tell the label;"
    " to classify, give the texts without labels: one in each line, or a table without that field"
)


@dataclass(frozen=True)
class VectorsFlags(ReadingFlags):
    """Write each document of a text as a vector: what a layer outputs at its end.

    For a network that was trained with --documents.

    Without a text, the network reads the run's own validation text.

    In the NumPy file, `vectors` has a row for each document, in their order.
    """

    output: Annotated[str, argument("FILE", "-o")] = ""
    """The file to write; its name ends in .npz."""
    overwrite: Switch = False
    """Replace the file of --output if it exists."""
    layer: Annotated[Count | None, argument("N", default="the last")] = None
    """The layer whose output is taken, from 1."""
    pooling: Literal["last", "mean"] = "last"
    """The output after a document's last character, or the mean over all of its characters. A label is read first."""


def main(arguments: Sequence[str]) -> None:
    """Write the vectors."""
    flags = check_ranges(parse(VectorsFlags, "vectors", arguments))
    if flags.texts and flags.text is not None:
        raise CharloopError("more than one text", do="give files, or --text")
    if not flags.output.endswith(".npz"):
        raise CharloopError(FLAG, got=flags.output, allowed="a name that ends in .npz", do="-o vectors.npz")
    check_output(FLAG, flags.output, overwrite=flags.overwrite)
    prepare_jax()
    import numpy as np

    from charloop.analysis.vectors import embed_documents
    from charloop.checkpoint import RunFolder
    from charloop.trained import load_trained_model

    folder = RunFolder.open(flags.run, cell=flags.cell)
    network = load_trained_model(folder, weights=flags.weights)
    network.end_id  # noqa: B018 - raises CharloopError before a long text is read
    given = flags.read_text(folder)
    if not given.tokens.size:
        raise CharloopError(f"{given.name} has no document", do="name a text with characters in it")
    with showing_progress() as listener:
        vectors = embed_documents(
            network, given.tokens, layer=flags.layer, pooling=flags.pooling, listener=listener
        )
    write_output(FLAG, flags.output, lambda file: np.savez(file, vectors=vectors), overwrite=flags.overwrite)
    labels = network.vocabulary.label_ids
    read = [LABELS_READ] if labels and np.isin(given.tokens, labels).any() else []
    count = number_of(vectors.shape[0], "document")
    made = f"vectors     {flags.output}: {count} of {given.name}, {vectors.shape[1]} numbers each"
    print_lines([*(f"note        {note}" for note in (*read, *given.notes)), made])
