"""The forms that a network can be exported to, and how their files are written."""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from charloop.checkpoint.new_folder import set_aside
from charloop.data.unknown import UnknownCharacterError
from charloop.errors import CharloopError, unknown_name
from charloop.exporting.content import Export
from charloop.exporting.facts import gather_facts
from charloop.exporting.quantizing import measure_cost, quantize, spell_difference
from charloop.files.folder import writing_folder
from charloop.files.output import check_output, write_output, write_together
from charloop.progress import ProgressListener
from charloop.sampling import SamplingConfig
from charloop.trained import TrainedModel

OUTPUT = "--output"
CARD = "safetensors"
"""The form with a model card."""


class Target(NamedTuple):
    """A form of an exported network."""

    summary: str
    module: str
    """The module of `forms` whose `make_files` makes it."""
    suffix: str = ""
    """The end of its file's name; "" for a folder."""
    int8: bool = True
    """Whether its weights may be 8-bit."""
    extra: str = ""
    """The package that makes it, an extra of the same name; "" if charloop alone does."""


TARGETS = {
    "c": Target("a C99 file and its header", "c_source", ".c"),
    "html": Target("a web page in one file", "html_page", ".html"),
    "js": Target("an ECMAScript module, with its types", "javascript_module", ".mjs"),
    "numpy": Target("a Python file that needs NumPy only", "numpy_module", ".py"),
    "onnx": Target("an ONNX graph", "onnx_graph", ".onnx", extra="onnx"),
    "safetensors": Target("a folder for the Hugging Face hub", "hub_folder", int8=False),
    "torch": Target("a folder for PyTorch", "torch_module", int8=False),
}
"""By the name that --to takes."""


class MakeFiles(Protocol):
    """The function `make_files` of a form's module."""

    def __call__(self, export: Export) -> Mapping[str, bytes]:
        """Return the files of the form, by name; of a form that is one file, or some side by side, the main one
        first."""


class Exported(NamedTuple):
    """What was written: the size of each file by its path, in bytes, and remarks for people."""

    files: Mapping[Path, int]
    notes: tuple[str, ...]


def find_target(name: str) -> Target:
    """Return the form with that name. Raises CharloopError if there is none, or its package is not installed."""
    if name not in TARGETS:
        raise unknown_name("--to", name, TARGETS)
    target = TARGETS[name]
    if target.extra and find_spec(target.extra) is None:
        raise CharloopError(
            f"--to {name} needs the package {target.extra}", do=f"pip install 'charloop[{target.extra}]'"
        )
    return target


def check_path(target: Target, path: Path, *, overwrite: bool) -> None:
    """Raise CharloopError if the form cannot be written to `path`, before anything is computed."""
    if target.suffix:
        if path.suffix != target.suffix:
            raise CharloopError(OUTPUT, got=str(path), allowed=f"a name that ends in {target.suffix}")
        check_output(OUTPUT, str(path), overwrite=overwrite)
        return
    try:
        is_file, is_full = path.exists() and not path.is_dir(), path.is_dir() and any(path.iterdir())
    except OSError as error:  # such as a name of too many characters
        raise CharloopError(
            f"{OUTPUT}: cannot write {path} ({error.strerror})", do="choose another"
        ) from None
    if is_file:
        raise CharloopError(OUTPUT, got=str(path), allowed="a folder", do="that is a file")
    if is_full and not overwrite:
        raise CharloopError(
            f"{OUTPUT}: {path} is not empty", do="choose another, or add --overwrite to rename it"
        )


def export(
    trained: TrainedModel,
    to: str,
    path: str | Path,
    *,
    int8: bool = False,
    overwrite: bool = False,
    prompt: str = "",
    length: int = 500,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    license: str = "",
    listener: ProgressListener | None = None,
) -> Exported:
    """Write the network to `path` in the form that `to` names, completely or not at all.

    `prompt` to `seed` are how the form writes unless it is told otherwise, in the ranges of SamplingConfig. With
    `int8`, weights are rounded to 8 bits, and what that costs is measured on the run's validation text. With
    `overwrite`, a file at `path` is replaced, and a folder is renamed. `license` is that of the weights, for a hub's
    card. Raises CharloopError for what has no such form, weights that are not finite, and a prompt of characters that
    the network does not know.
    """
    target, path = find_target(to), Path(path)
    check_path(target, path, overwrite=overwrite)
    if license and to != CARD:
        raise CharloopError(
            f"--license and --to {to} do not go together", do=f"only --to {CARD} writes a card"
        )
    if int8 and not target.int8:
        raise CharloopError(f"--int8 and --to {to} do not go together", do="leave --int8 out")
    try:
        trained.vocabulary.encode(prompt)
    except UnknownCharacterError as error:
        raise error.advising("leave it out of --prompt") from None
    check_finite(trained)
    writing = SamplingConfig(length=length, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    used, cost, notes = trained, None, tuple(trained.notes)
    if int8:
        used = quantize(trained)
        measured = measure_cost(trained, used, listener)
        if isinstance(measured, CharloopError):
            notes += (f"what 8-bit weights cost could not be measured: {measured}",)
        else:
            cost = measured
            notes += (
                f"8-bit weights cost {spell_difference(cost.difference)} bits per character on the validation text"
                f" ({cost.before:.4f} before)",
            )
    facts = gather_facts(trained, path.name.removesuffix(target.suffix), cost)
    made = Export(used, int8, facts["name"], writing, prompt, facts, license)
    if to == CARD and not license:
        notes += ("the card names no license; --license mit names one",)
    make_files: MakeFiles = importlib.import_module(f"charloop.exporting.forms.{target.module}").make_files
    files = make_files(made)
    written = write_files(target, path, files, overwrite=overwrite)
    return Exported(written, notes)


def check_finite(network: TrainedModel) -> None:
    """Raise CharloopError if a weight is infinite or not a number."""
    for name, value in network.params.items():
        if not np.isfinite(value).all():
            raise CharloopError(
                f"{name} has numbers that are not finite", do="choose weights from before training diverged"
            )


def write_files(
    target: Target, path: Path, files: Mapping[str, bytes], *, overwrite: bool
) -> dict[Path, int]:
    """Write the files into the new folder `path`, or the only or first one to `path` and the others beside it."""
    if target.suffix:
        places = [path, *(path.with_name(name) for name in [*files][1:])]
        for place in places[1:]:
            check_output(OUTPUT, str(place), overwrite=overwrite)
        contents = dict(zip(places, files.values(), strict=True))
        if len(contents) > 1:
            write_together(OUTPUT, contents, overwrite=overwrite)
        else:
            write_output(OUTPUT, str(path), lambda file: file.write(contents[path]), overwrite=overwrite)
    else:
        if overwrite and path.is_dir() and any(path.iterdir()):
            set_aside(path.resolve())
        places = [path / name for name in files]
        with writing_folder(path) as folder:
            for name, content in files.items():
                place = folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
    return {place: len(content) for place, content in zip(places, files.values(), strict=True)}
