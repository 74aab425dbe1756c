"""charloop info: what a run is, what it learned from, how well."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from charloop.cli.arguments import Switch, parse

if TYPE_CHECKING:
    from charloop.checkpoint import RunFolder


@dataclass(frozen=True)
class InfoFlags:
    """What a run is, what it was trained on, how well, and its settings."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """A run's folder."""
    json: Switch = False
    """Print one JSON object."""
    toml: Switch = False
    """Print the settings as TOML, to give back by --config."""


def main(arguments: Sequence[str]) -> None:
    """Print one of three views of a run; none of them runs a cell's code."""
    flags = parse(InfoFlags, "info", arguments)

    from charloop.checkpoint import RunFolder

    folder = RunFolder.open(flags.run, inspect=True)
    if flags.toml:
        print(settings(folder), end="")
    elif flags.json:
        print(json.dumps(facts(folder)))
    else:
        print("\n".join(lines(facts(folder))))


def settings(folder: "RunFolder") -> str:
    """The run's configuration as a TOML file."""
    import tomli_w

    from charloop.configfile import to_dict

    return tomli_w.dumps(to_dict(folder.config))


def facts(folder: "RunFolder") -> dict[str, Any]:
    """All there is to know, as plain values."""
    from charloop.configfile import to_dict
    from charloop.errors import CharloopError

    values: dict[str, Any] = {"run": str(folder.path), "text": dict(folder.text), **to_dict(folder.config)}
    try:
        tensors, known = folder.load_weights()
    except CharloopError as error:
        return {**values, "weights": None, "weights_missing": str(error)}
    parameters = sum(tensor.size for tensor in tensors.values())
    return {**values, "weights": {**known, "parameters": parameters}}


def lines(values: dict[str, Any]) -> Iterator[str]:
    """The facts for people."""
    from charloop.cli.wording import describe_model
    from charloop.config import ModelConfig

    text, model, data, training = (values[key] for key in ("text", "model", "data", "training"))
    yield f"run         {values['run']}"
    yield f"model       {describe_model(ModelConfig(**model))}, embedding {model['embed_size'] or 'one-hot'}"
    yield f"dropout     {dropout_line(model)}"
    if text:
        size = f"{text['characters']:,} {data['unit']}s, {text['distinct']} distinct"
        yield f"text        {text['description']}, {size}"
        parts = (
            (text[key], name) for key, name in (("train", "train"), ("validation", "val"), ("test", "test"))
        )
        yield f"split       {', '.join(f'{size:,} {name}' for size, name in parts if size)}"
        yield f"sha256      {text['content_hash']}"
    limits = [f"{training[key]} {key}" for key in ("epochs", "steps", "minutes") if training.get(key)]
    rule = f"{training['optimizer']}, learning rate {training['learning_rate']:g}, {training['decay']}"
    yield f"training    {rule}, {data['batch_size']} x {data['seq_length']} a step, at most {' or '.join(limits)}"
    yield from weights_lines(values)


def dropout_line(model: dict[str, Any]) -> str:
    """The three rates."""
    places = ("input", "between", "output")
    return (
        ", ".join(f"{place} {model[f'dropout_{place}']:g}" for place in places)
        + f" ({model['dropout_kind']})"
    )


def weights_lines(values: dict[str, Any]) -> Iterator[str]:
    """How large the network is, and how well it did."""
    import math

    weights = values["weights"]
    if weights is None:
        yield f"weights     none yet ({values['weights_missing']})"
        return
    yield f"parameters  {weights['parameters']:,}"
    loss = weights.get("validation_loss")
    if loss is None:
        yield f"best        after step {weights['step']:,}; no validation text was set apart"
    else:
        bits = f"{loss / math.log(2):.4f} bits per character"
        yield f"best        validation {loss:.4f} nats = {bits}, after step {weights['step']:,}"
