"""The preset auto as a function of numbers: valid, monotone, and never above memory, whatever it is asked for."""

import math
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.auto.choosing import AutoChoice, Circumstances, Network, choose
from charloop.auto.rule import RULE, pick, read_rule, with_settings
from charloop.config import ModelConfig, RunConfig
from charloop.configfile import validate
from charloop.errors import CharloopError

GIGAFLOPS = 200.0


def count(model: ModelConfig) -> int:
    """The weights of GRU or LSTM layers and a readout of 65 characters."""
    hidden = model.hidden_size
    gates = 3 if model.cell == "gru" else 4
    first = gates * hidden * (model.embed_size + hidden)
    return first + (model.num_layers - 1) * 2 * gates * hidden**2 + 65 * hidden


def size(config: RunConfig) -> int:
    """Stands for the memory of a step."""
    return config.model.hidden_size * config.data.batch_size * config.data.seq_length


def auto(
    kept: Collection[str] = (),
    *,
    characters: int = 1_000_000,
    gigaflops: float = GIGAFLOPS,
    devices: int = 2,
    memory: float = math.inf,
    refused: Collection[str] = (),
    **asked: Any,
) -> AutoChoice:
    """What auto chooses for settings that are `asked` for, all of which are kept."""
    there = Circumstances(
        characters,
        devices,
        lambda _: gigaflops,
        lambda model: Network(count(model), refused),
        lambda config: size(config) <= memory,
    )
    return choose(with_settings(RunConfig(), asked), {*kept, *asked}, there)


@settings(deadline=None, max_examples=60)
@given(
    characters=st.one_of(st.integers(0, 10), st.integers(0, 10**12)),
    gigaflops=st.floats(1e-3, 1e6),
    devices=st.integers(1, 256),
    memory=st.floats(0, 1e9),
    refused=st.sets(st.sampled_from(["weight_dropout", "precision"])),
    budget=st.one_of(
        st.fixed_dictionaries(
            {}, optional={"minutes": st.floats(0.01, 10_000), "steps": st.integers(1, 2**40)}
        ),
        st.fixed_dictionaries({"epochs": st.integers(1, 2**40)}),
    ),
    own=st.fixed_dictionaries(
        {},
        optional={
            "hidden_size": st.integers(1, 2**24),
            "cell": st.sampled_from(["rnn", "gru"]),
            "batch_size": st.integers(1, 4096),
            "warmup_steps": st.integers(0, 1000),
            "tie_embedding": st.booleans(),
        },
    ),
)
def test_the_choice_is_valid_keeps_what_is_given_and_fits(
    characters: int, gigaflops: float, devices: int, memory: float, refused: set[str], budget: Any, own: Any
) -> None:
    choice = auto(
        characters=characters,
        gigaflops=gigaflops,
        devices=devices,
        memory=memory,
        refused=refused,
        **budget,
        **own,
    )
    config = validate(choice.config)
    found = vars(config.data) | vars(config.model) | vars(config.training)
    assert {name: found[name] for name in (*budget, *own)} == {**budget, **own}
    assert (config.training.minutes is None) == (bool(budget) and "minutes" not in budget)
    if "weight_dropout" in refused:
        assert not config.training.weight_dropout
    if "precision" in refused:
        assert config.training.precision == "float32"
    if config.model.tie_embedding:
        assert config.model.embed_size == config.model.hidden_size
    if not own:
        assert size(config) <= memory or (config.model.hidden_size, config.data.batch_size) == (64, 1)
    assert len(choice.reasons) == 2
    assert not any("\n" in reason for reason in choice.reasons)


@settings(deadline=None, max_examples=40)
@given(
    minutes=st.lists(st.floats(0.01, 10_000), min_size=2, max_size=8).map(sorted),
    characters=st.integers(0, 10**9),
    gigaflops=st.floats(1, 1e5),
)
def test_more_time_never_means_a_smaller_network(
    minutes: list[float], characters: int, gigaflops: float
) -> None:
    sizes = [
        auto(characters=characters, gigaflops=gigaflops, minutes=time).config.model.hidden_size
        for time in minutes
    ]
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            {},
            {
                "cell": "gru",
                "hidden_size": 256,
                "precision": "bfloat16",
                "batch_size": 16,
                "seq_length": 64,
                "minutes": 3.0,
            },
        ),
        ({"refused": ["precision"]}, {"hidden_size": 256, "precision": "float32"}),
        ({"minutes": 1}, {"hidden_size": 256, "dropout_output": 0.0, "learning_rate": 4e-3}),
        ({"minutes": 20}, {"cell": "lstm", "hidden_size": 384, "batch_size": 32, "seq_length": 128}),
        ({"minutes": 600}, {"hidden_size": 384, "dropout_output": 0.4, "weight_dropout": 0.3}),
        ({"minutes": 600, "characters": 10**9}, {"hidden_size": 512, "dropout_output": 0.0}),
        (
            {"minutes": 5},
            {
                "cell": "gru",
                "hidden_size": 256,
                "dropout_output": 0.1,
                "weight_dropout": 0.0,
                "learning_rate": 3e-3,
            },
        ),
        (
            {"minutes": 10},
            {"cell": "lstm", "hidden_size": 256, "dropout_output": 0.2, "weight_dropout": 0.1},
        ),
        ({"minutes": 0.01}, {"hidden_size": 64, "warmup_steps": 0}),
        ({"minutes": 20, "characters": 54_000}, {"hidden_size": 128, "weight_dropout": 0.3, "epochs": 60}),
        ({"minutes": 20, "steps": 10**6, "characters": 54_000}, {"epochs": None}),
        ({"minutes": 20, "epochs": 200, "characters": 54_000}, {"epochs": 200}),
        (
            {"characters": 54_000, "refused": ["weight_dropout"]},
            {"weight_dropout": 0.0, "dropout_output": 0.4},
        ),
        ({"characters": 1_000}, {"batch_size": 16, "seq_length": 32}),
        ({"devices": 16}, {"batch_size": 32, "seq_length": 64}),
        ({"gigaflops": 0.5}, {"hidden_size": 64}),
        ({"hidden_size": 300}, {"learning_rate": 3e-3, "embed_size": 128}),
        ({"hidden_size": 4096}, {"learning_rate": 2e-3, "dropout_output": 0.0}),
        ({"num_layers": 20}, {"hidden_size": 192}),
        ({"steps": 100}, {"hidden_size": 256, "dropout_output": 0.0, "warmup_steps": 10, "minutes": None}),
        ({"epochs": 30}, {"hidden_size": 256, "dropout_output": 0.2, "weight_dropout": 0.1}),
        ({"epochs": 30, "characters": 200_000}, {"hidden_size": 192, "dropout_output": 0.4}),
        ({"epochs": 30, "hidden_size": 8, "characters": 20_000}, {"dropout_output": 0.2, "epochs": 30}),
        ({"cell": "rnn", "minutes": 60}, {"cell": "rnn"}),
        ({"tie_embedding": True, "embed_size": 100}, {"hidden_size": 100}),
        ({"memory": 64 * 64 * 4}, {"hidden_size": 64, "batch_size": 4}),
    ],
    ids=str,
)
def test_the_choices_of_the_rule(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    config = auto(**asked).config
    found = vars(config.data) | vars(config.model) | vars(config.training)
    assert {name: found[name] for name in expected} == expected


def test_time_counts_once_steps_are_limited_too() -> None:
    long, short = auto(minutes=60, steps=50), auto(steps=50)
    assert long.config.model.hidden_size > short.config.model.hidden_size
    assert long.config.model.dropout_output == 0
    assert "50 steps" in long.reasons[0]


def test_the_reasons_name_sizes_speed_and_what_was_given() -> None:
    first, second = auto(["cell"], minutes=1, hidden_size=128).reasons
    assert first.startswith("auto: lstm, 2 x 128, 16 x 64 characters a step; in 1 minute here about ")
    assert "give more" in auto(minutes=0.05).reasons[0]
    assert "the text is read less than once" in auto(minutes=0.1, hidden_size=512).reasons[1]
    assert second.endswith("learning rate 0.004; given: cell, hidden-size")


def test_a_row_counts_from_its_least_quantities_on() -> None:
    table = RULE.epochs
    for row in table[1:]:
        least = {"epochs": 0.0, "weights": 0.0} | row.at_least
        assert pick(table, least) is row
        for name, quantity in row.at_least.items():
            assert pick(table, {**least, name: math.nextafter(quantity, 0)}) is not row


def test_a_rule_with_an_unknown_setting_is_refused() -> None:
    from importlib.resources import files

    text = files("charloop.auto").joinpath("rule.toml").read_text()
    assert read_rule(text) == RULE
    with pytest.raises(CharloopError, match="hidden_size"):
        read_rule(text.replace("hidden_size = 64", "hiden_size = 64"))
    with pytest.raises(CharloopError, match="learning-rate"):
        read_rule(text.replace("learning_rate = 6e-3", "learning_rate = -1"))
    assert replace(RULE, minutes=1.0) != RULE
