"""The advice to a run that has learned nothing: from its own settings, with flags that exist."""

import math
import re

import pytest

from charloop.baselines import Baseline
from charloop.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from charloop.training.baselines import advise_below_unigram
from cli.commands import call, done

UNIGRAM = Baseline("unigram", 3 * math.log(2))


def advice(step: int = 5000, model: ModelConfig | None = None, **training) -> str:
    config = RunConfig(DataConfig(("book.txt",)), model or ModelConfig(), TrainingConfig(**training))
    head, _, rest = advise_below_unigram(config, UNIGRAM, step).partition(": ")
    assert head == (
        "after an epoch the network is no better than the unigram, which knows only how frequent each character is"
        " (3.00 bits). Try"
    )
    return rest


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"learning_rate": 1e-4}, "raise --learning-rate from 0.0001 to 0.002"),
        ({"learning_rate": 0.1}, "lower --learning-rate from 0.1 to 0.002"),
        ({"optimizer": "sgd"}, "--optimizer adamw --learning-rate 0.002 instead of sgd's 0.002"),
        ({"warmup_steps": 4000}, "--warmup-steps 500 instead of 4,000"),
        ({"step": 200, "steps": 200}, "train longer than 200 updates, with --steps 800"),
        ({"step": 200, "minutes": 0.5}, "train longer than 200 updates, with --minutes 2"),
        (
            {"step": 200, "epochs": 1, "steps": 300},
            "train longer than 200 updates, with --epochs 4 --steps 1200",
        ),
        ({"model": ModelConfig(hidden_size=16)}, "raise --hidden-size from 16 to 128"),
        ({"model": ModelConfig(dropout_between=0.9)}, "lower --dropout to 0.2"),
        ({}, "look at the text: is it shuffled, encrypted or compressed?"),
    ],
)
def test_one_wrong_setting_is_named(training: dict, said: str) -> None:
    assert advice(**training) == said


def test_several_wrong_settings_are_all_named() -> None:
    said = advice(step=100, learning_rate=1e-5, warmup_steps=90, epochs=1, model=ModelConfig(hidden_size=8))
    assert said.count("; ") == 3


def test_every_flag_that_the_advice_names_exists() -> None:
    flags = set(re.findall(r"--[a-z-]+", done(call("train", "--help"))))
    named = " ".join(
        [
            advice(step=9, optimizer="sgd", warmup_steps=90, epochs=1, model=ModelConfig(hidden_size=8)),
            advice(model=ModelConfig(dropout_output=0.9), steps=1),
        ]
    )
    assert set(re.findall(r"--[a-z-]+", named)) <= flags
