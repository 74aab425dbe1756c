"""Preset, then file, then flags: what a run is asked for in the end."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from charloop.config import RunConfig, TrainingConfig
from charloop.presets import PRESETS
from cli.conftest import Kept, Plan


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "run.toml").write_text("[model]\nhidden_size = 33\nnum_layers = 5\n[training]\nepochs = 7\n")
    return "run.toml"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset(plan: Plan, preset: str) -> None:
    sections = asdict(PRESETS[preset].config)
    expected = {name: value for section in sections.values() for name, value in section.items()}
    assert plan("--preset", preset) == expected | {"corpus": ("book.txt",)}


def test_auto_is_the_default_and_begins_with_the_defaults(plan: Plan) -> None:
    sections = asdict(RunConfig(training=TrainingConfig(minutes=3.0)))
    expected = {name: value for section in sections.values() for name, value in section.items()}
    assert plan() == plan("--preset", "auto") == expected | {"corpus": ("book.txt",)}
    assert plan("--preset", "fast") != plan()


def test_auto_keeps_what_flags_and_files_set(kept: Kept, file: str, tmp_path: Path) -> None:
    assert kept("--preset", "fast") is None
    assert kept() == set()
    assert kept("--cell", "rnn", "--minutes=2") == {"cell", "minutes"}
    assert kept("--dropout", "0") >= {"dropout_between", "dropout_output"}
    assert kept("--config", file) >= {"num_layers", "hidden_size", "epochs"}
    assert "batch_size" not in (kept("--config", file) or ())
    (tmp_path / "config.json").write_text(json.dumps({"format": 1, "model": {"cell": "gru"}}))
    everything = {name for section in asdict(RunConfig()).values() for name in section}
    assert (kept("--config", "config.json") or set()) >= everything
    (tmp_path / "former.toml").write_text("[training]\nmomentum = 0.5\n")
    assert "beta1" in (kept("--config", "former.toml") or ())


def test_a_file_lies_over_the_preset(plan: Plan, file: str) -> None:
    before, after = plan("--preset", "tiny"), plan("--preset", "tiny", "--config", file)
    changed = {name: value for name, value in after.items() if before[name] != value}
    assert changed == {"hidden_size": 33, "num_layers": 5, "epochs": 7, "minutes": None}


def test_flags_lie_over_the_file_wherever_they_stand(plan: Plan, file: str) -> None:
    for flags in (("--num-layers", "2", "--config", file), ("--config", file, "--num-layers=2")):
        found = plan(*flags)
        assert (found["hidden_size"], found["num_layers"], found["epochs"]) == (33, 2, 7)
    # A flag that says what is the default already still counts.
    assert plan("--config", file, "--num-layers", "1")["num_layers"] == 1


@pytest.mark.parametrize(
    ("flags", "budget"),
    [
        ((), (None, None, 3.0)),
        (("--steps", "9"), (None, 9, None)),
        (("--epochs", "9"), (9, None, None)),
        (("--minutes", "9"), (None, None, 9.0)),
        (("--minutes", "9", "--steps", "8"), (None, 8, 9.0)),
        (("--config", "run.toml"), (7, None, None)),
        (("--config", "run.toml", "--steps", "9"), (None, 9, None)),
    ],
)
def test_a_budget_is_one_thing(
    plan: Plan, file: str, flags: tuple[str, ...], budget: tuple[float | None, ...]
) -> None:
    assert file == "run.toml"
    found = plan(*flags)
    assert (found["epochs"], found["steps"], found["minutes"]) == budget


def test_dropout_sets_two_rates(plan: Plan) -> None:
    names = ("dropout_input", "dropout_between", "dropout_output")

    def rates(*flags: str) -> list[float]:
        found = plan("--preset", "base", *flags)
        return [found[name] for name in names]

    model = PRESETS["base"].config.model
    own = model.dropout_input
    assert rates() == [own, model.dropout_between, model.dropout_output]
    assert rates("--dropout", "0.3") == [own, 0.3, 0.3]
    assert rates("--dropout", "0") == [own, 0.0, 0.0]
    assert rates("--dropout", "0.3", "--dropout-output", "0.2") == [own, 0.3, 0.2]
    assert rates("--dropout-between=0.2", "--dropout", "0.3") == [own, 0.2, 0.3]


def test_options_of_a_cell_leave_the_text_alone(plan: Plan, tmp_path: Path) -> None:
    found = plan("--cell", "gru", "--cell-options", "reset_after=false")
    assert (found["cell_options"], found["corpus"]) == (("reset_after=false",), ("book.txt",))
    (tmp_path / "gru.toml").write_text("[model]\ncell = 'gru'\ncell_options = ['reset_after=false']\n")
    assert plan("--config", "gru.toml")["cell_options"] == ("reset_after=false",)
    assert plan("--config", "gru.toml", "--cell-options", "reset_after=false")["cell_options"] == (
        "reset_after=false",
    )


def test_switches_both_ways(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "tied.toml").write_text("[model]\ntie_embedding = true\n")
    assert plan("--config", "tied.toml")["tie_embedding"] is True
    assert plan("--config", "tied.toml", "--tie-embedding")["tie_embedding"] is True
    assert plan("--config", "tied.toml", "--no-tie-embedding")["tie_embedding"] is False
