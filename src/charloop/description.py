"""Describe a run, its text and its validation loss, for programs and for people.

A run may come from anywhere, so the content of its files is checked before it is shown.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict, TypeVar

import msgspec
from msgspec import Meta

from charloop.baselines import BASELINES_FILE, Baselines, Rank, read_baselines, wording
from charloop.cells.from_object import is_user_cell
from charloop.checkpoint import RunFolder
from charloop.checkpoint.lines import read_lines
from charloop.checkpoint.names import CONFIG, WEIGHTS
from charloop.config import ModelConfig
from charloop.configfile import to_dict
from charloop.conversion import convert
from charloop.data.sources import name_some
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.wording import describe_model, number_of

SHOWN_LABELS = 20
"""Labels that are named."""
UNITS = {"char": "characters", "byte": "bytes"}
TEXT_KEYS = {"description", "characters", "distinct", "train", "validation", "test", "content_hash"}
Size = Annotated[int, Meta(ge=0, le=2**62)]
Values = TypeVar("Values")


class TextFacts(TypedDict, total=False):
    """The text, as config.json describes it; older versions wrote less."""

    description: str
    content_hash: str
    characters: Size
    train: Size
    validation: Size
    test: Size
    distinct: Size
    documents: Size
    notes: list[str]


class Weights(TypedDict):
    """Facts stored with the best weights."""

    step: Size
    validation_loss: float | None


class Facts(Weights, total=False):
    """`Weights`, with what only some versions write."""

    validation_characters: Size
    """How many characters of the validation text were scored."""
    averaged: bool
    """Whether they are an average of weights."""


def checked(values: object, kind: type[Values], path: Path) -> Values:
    """Return `values` as `kind`, without other keys. Raises CharloopError that names `path` for wrong types."""
    try:
        found: Values = convert(values, kind)
    except msgspec.ValidationError as error:
        raise CharloopError(
            f"{path} is damaged ({error})", do="copy it again from where it was whole"
        ) from None
    return found


def describe_run(folder: RunFolder) -> dict[str, Any]:
    """Return all facts of a run, as plain values."""
    text = checked(folder.text, TextFacts, folder.path / CONFIG)
    values: dict[str, Any] = {"run": str(folder.path), "text": text, **to_dict(folder.config)}
    if folder.vocabulary.labels:
        values["labels"] = list(folder.vocabulary.labels)
    values["notes"] = slower_here(folder)
    try:
        # A line that was not written to its end does not count.
        values["skipped"] = sum(line.endswith(b"\n") for line in read_lines(folder.skipped))
    except OSError:
        values["skipped"] = 0
    try:
        tensors, known = folder.load_weights()
    except CharloopError as error:
        return {**values, "weights": None, "weights_missing": str(error)}
    parameters = sum(tensor.size for tensor in tensors.values())
    facts = checked(known, Facts, folder.path / WEIGHTS)
    return {**values, "weights": {**facts, "parameters": parameters}}


def slower_here(folder: RunFolder) -> list[str]:
    """Return why the network runs slower here than requested; () for own cells, whose code is not run."""
    model = folder.config.model
    if is_user_cell(model.cell):
        return []
    try:
        return list(CharLM.build(model, folder.vocabulary.size).notes)
    except CharloopError:
        # Settings that make no network still leave everything else to show.
        return []


def describe_rank(folder: RunFolder, values: dict[str, Any]) -> dict[str, Any]:
    """Return how the best validation loss ranks among the baselines, as plain values."""
    baselines, rank = find_rank(folder, values)
    return {
        "rank": wording.rank_values(rank) if rank else None,
        "baselines": wording.baseline_values(baselines) if baselines else None,
    }


def find_rank(folder: RunFolder, values: dict[str, Any]) -> tuple[Baselines | None, Rank | None]:
    """Return the baselines stored in the run, and how its best weights rank among them."""
    baselines = read_baselines(folder.path / BASELINES_FILE)
    loss = (values["weights"] or {}).get("validation_loss")
    return baselines, baselines.rank(loss) if baselines and isinstance(loss, float) else None


def describe_rows(folder: RunFolder, values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the facts of `describe_run`, and how the loss ranks among the baselines, for people: label and value."""
    model, data, training = (values[key] for key in ("model", "data", "training"))
    unit = UNITS[data["unit"]]
    yield "run", values["run"]
    yield "model", f"{describe_model(ModelConfig(**model))}, embedding {model['embed_size'] or 'one-hot'}"
    yield from (("note", note) for note in values["notes"])
    yield "dropout", dropout_line(model, training)
    if values["text"].keys() >= TEXT_KEYS:
        yield from text_rows(values["text"], unit)
    yield from document_rows(data, folder.vocabulary.labels)
    yield (
        "training",
        f"{training['optimizer']}, learning rate {training['learning_rate']:g}, {training['decay']}",
    )
    if training.get("freeze"):
        yield "frozen", training["freeze"].replace(",", ", ")
    yield "step", f"{number_of(data['batch_size'], 'batch row')} x {data['seq_length']:,} {unit}"
    limits = [
        number_of(training[key], key[:-1]) for key in ("epochs", "steps", "minutes") if training.get(key)
    ]
    yield "budget", " or ".join(limits)
    if values["skipped"]:
        yield "skipped", f"{number_of(values['skipped'], 'update')} discarded: see skipped.jsonl"
    yield from weights_rows(values)
    baselines, rank = find_rank(folder, values)
    yield from wording.rank_rows(rank, baselines)


def document_rows(data: dict[str, Any], labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield how the text is divided into documents, if it is, and the labels that they have."""
    held_out = "the end" if data["hold_out"] == "end" else "the end of each file"
    order = "in random order" if data["shuffle"] else f"in their order, {held_out} held out"
    if data["documents"]:
        yield "documents", f"'{data['documents']}', {order}"
    if data["text_field"]:
        yield "documents", f"the field {data['text_field']!r} of each record, {order}"
    if labels:
        shown = name_some([label or "(none)" for label in labels], SHOWN_LABELS)
        yield "labels", f"{len(labels):,} in the field {data['label_field']!r}: {shown}"


def text_line(name: str, documents: int, characters: int, unit: str, distinct: int) -> str:
    """Return a text in a line; `documents` 0: it is one text."""
    sizes = [number_of(documents, "document")] if documents else []
    return ", ".join([name, *sizes, f"{characters:,} {unit}", f"{distinct:,} distinct"])


def text_rows(text: dict[str, Any], unit: str) -> Iterator[tuple[str, str]]:
    """Yield what the run was trained on."""
    yield (
        "text",
        text_line(text["description"], text.get("documents", 0), text["characters"], unit, text["distinct"]),
    )
    parts = {"to train on": text["train"], "to validate": text["validation"], "to test": text["test"]}
    yield "split", ", ".join(f"{size:,} {name}" for name, size in parts.items() if size)
    yield "sha256", text["content_hash"]
    yield from (("note", note) for note in text.get("notes", ()))


def dropout_line(model: dict[str, Any], training: dict[str, Any]) -> str:
    """Return the dropout rates that are not 0."""
    rates = {where: model[f"dropout_{where}"] for where in ("input", "between", "output")}
    shown = [f"{where} {rate:g}" for where, rate in rates.items() if rate]
    found = [f"{', '.join(shown)} ({model['dropout_kind']})"] if shown else []
    whole = {"characters": model["embedding_dropout"], "weights": training["weight_dropout"]}
    found += [f"{what} {rate:g}" for what, rate in whole.items() if rate]
    return ", ".join(found) or "none"


def weights_rows(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how large the network is, and how well it predicts."""
    weights = values["weights"]
    if weights is None:
        yield "weights", f"none yet ({values['weights_missing']})"
        return
    yield "parameters", f"{weights['parameters']:,}"
    loss = weights.get("validation_loss")
    if loss is None:
        text = "not evaluated yet" if values["text"].get("validation") else "there is no validation text"
        yield "best", f"after step {weights['step']:,}; {text}"
    else:
        bits = f"{loss / math.log(2):.4f} bits per character"
        read, size = weights.get("validation_characters"), values["text"].get("validation")
        some = f", on {read:,} of {size:,} characters" if read and size and read < size - 1 else ""
        kind = ", averaged weights" if weights.get("averaged") else ""
        yield "best", f"validation {loss:.4f} nats = {bits}, after step {weights['step']:,}{kind}{some}"
