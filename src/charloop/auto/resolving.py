"""The choice for a text on this machine: for `training.train`, and for programs that want a configuration."""

from collections.abc import Collection
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jax

from charloop.auto.choosing import AutoChoice, Circumstances, Network, choose
from charloop.auto.fitting import fits_memory, parameter_shapes
from charloop.auto.rule import with_settings
from charloop.auto.speed import measure_gigaflops
from charloop.cells.from_object import name_builtin_cell
from charloop.checkpoint.texts import read_corpus, split_corpus
from charloop.config import ModelConfig, RunConfig
from charloop.configfile import validate
from charloop.data import GivenText, Text
from charloop.devices import choose_devices, make_mesh
from charloop.dropout import is_recurrent
from charloop.model import CharLM
from charloop.unroll import reason_against_precision

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


def choose_config(
    corpus: "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]" = (),
    *,
    text: GivenText | None = None,
    **settings: Any,
) -> RunConfig:
    """Return the configuration that `charloop train` chooses for a text, a time and this machine.

    `corpus` names files, folders, globs or corpora; `text` is a text itself, for `train(config, text=text)`.
    `settings` are those of DataConfig, ModelConfig and TrainingConfig that you choose yourself: minutes=20,
    hidden_size=512. Without minutes, steps or epochs the run lasts 3 minutes. Raises CharloopError for a setting that
    does not exist or is out of range, and for a text that cannot be read.
    """
    config = validate(with_settings(RunConfig(), settings | {"corpus": corpus}))
    config = replace(config, model=name_builtin_cell(config.model))
    own = getattr(getattr(config.model.cell, "cell", None), "hidden_size", None)
    kept = {*settings, "hidden_size"} if isinstance(own, int) else settings
    read = read_corpus(config, None, text=None if text is None else Text.of(text))
    return choose_for(config, kept, split_corpus(config, read).sizes[0], read.vocabulary.size).config


def choose_for(config: RunConfig, kept: Collection[str], characters: int, vocab_size: int) -> AutoChoice:
    """Return the choice for a training text of that many `characters`. Settings in `kept` stay as they are.

    Raises CharloopError for kept settings that no network or device has.
    """

    @cache
    def network(model: ModelConfig) -> Network:
        return describe_network(CharLM.build(model, vocab_size))

    def speed(config: RunConfig) -> float:
        rows = config.data.batch_size
        return measure_gigaflops(make_mesh(choose_devices(rows, config.training.devices)), rows)

    def fits(config: RunConfig) -> bool:
        return fits_memory(config, vocab_size)

    choice = choose(config, kept, Circumstances(characters, len(jax.devices()), speed, network, fits))
    return choice._replace(config=validate(choice.config))


def describe_network(model: CharLM) -> Network:
    """Return how many weights a character is multiplied with, and which settings the network cannot have here."""
    shapes = parameter_shapes(model)
    looked_up = "" if model.config.tie_embedding else "embedding.weight"
    size = sum(shape.size for name, shape in shapes.items() if name != looked_up)
    refused = [] if any(map(is_recurrent, shapes)) else ["weight_dropout"]
    refused += ["precision"] if reason_against_precision("bfloat16", model.config.unroll, model.cell) else []
    return Network(size, refused)
