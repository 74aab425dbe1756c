"""charloop export: a trained network in another form, such as a web page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from msgspec import Meta

from charloop.cli.flags.parsing import Switch, argument, check_ranges, parse
from charloop.cli.preparation import prepare_jax
from charloop.cli.terminal.output import print_lines, visible
from charloop.cli.terminal.progress import showing_progress
from charloop.config.ranges import NonNegative, NonNegativeCount


@dataclass(frozen=True)
class ExportFlags:
    """Write a trained network in a form that needs no charloop."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""
    to: Literal[
        "c",
        "html",
        "js",
        "numpy",
        "onnx",
        "safetensors",
        "torch",
    ] = "html"
    """c: a C99 file and its header; also for microcontrollers, and WebAssembly by clang.
    html: a web page in one file, in which the network runs.
    js: an ECMAScript module for programs in JavaScript, with its types.
    numpy: a Python file that needs NumPy only.
    onnx: an ONNX graph, for onnxruntime and others (pip install 'charloop[onnx]').
    safetensors: a folder for the Hugging Face hub, with a model card.
    torch: a folder for PyTorch."""
    output: Annotated[Path | None, argument("PATH", "-o", default="named after the run")] = None
    """The file or folder to write."""
    overwrite: Switch = False
    """Replace the file of --output if it exists; rename the folder if it is not empty."""
    int8: Switch = False
    """Round the weights to 8 bits, with a scale for each row: a quarter of the size. What that costs is measured on
    the validation text."""
    prompt: Annotated[str, argument("TEXT")] = ""
    """The prompt that the form continues unless it is given another."""
    length: Annotated[int, Meta(ge=1, le=2**31 - 1), tyro.conf.arg(metavar="N")] = 500
    """Characters that it writes unless it is told otherwise."""
    temperature: NonNegative = 1.0
    """Sampling temperature that it uses unless it is told otherwise."""
    top_k: NonNegativeCount = 0
    """Sample from the N likeliest characters only. 0: from all."""
    top_p: Annotated[float, Meta(gt=0, le=1)] = 1.0
    """Sample from the fewest likeliest characters whose probabilities add up to X, above 0 and at most 1."""
    license: Annotated[str | None, argument("ID", default="none is named")] = None
    """The license of the weights for the model card of --to safetensors, such as mit or cc-by-4.0."""
    weights: Literal["best", "last"] = "best"
    """Use the weights with the best validation loss, or the newest."""
    cell: Annotated[str | None, tyro.conf.arg(metavar="FILE.py:CLASS")] = None
    """The code of the cell, for a run with a cell of its own."""


WRITING = ("length", "temperature", "top_k", "top_p")


def main(arguments: Sequence[str]) -> None:
    """Write the form, and print its files."""
    flags = check_ranges(parse(ExportFlags, "export", arguments))
    writing = {name: getattr(flags, name) for name in WRITING}
    prepare_jax()
    from charloop.checkpoint import RunFolder
    from charloop.data.forms import StringReader
    from charloop.exporting.targets import check_path, export, find_target
    from charloop.trained import load_trained_model

    target = find_target(flags.to)
    output = flags.output or Path(flags.run.resolve().name + (target.suffix or f"-{flags.to}"))
    check_path(target, output, overwrite=flags.overwrite)
    network = load_trained_model(RunFolder.open(flags.run, cell=flags.cell), weights=flags.weights)
    reader = StringReader(network.vocabulary)
    with showing_progress() as listener:
        made = export(
            network,
            flags.to,
            output,
            int8=flags.int8,
            overwrite=flags.overwrite,
            prompt=reader.read(flags.prompt),
            license=flags.license or "",
            listener=listener,
            **writing,
        )
    rows = [f"wrote       {path} ({size:,} bytes)" for path, size in made.files.items()]
    print_lines(map(visible, [*rows, *(f"note        {note}" for note in (*reader.notes, *made.notes))]))
