"""The preset auto on this machine, with its timing replaced: for a text, for a run, for a run from another."""

import json
from pathlib import Path
from typing import Any

import pytest

from charloop import RunConfig, choose_config, resume, train
from charloop.auto import resolving
from charloop.auto.fitting import fits_memory
from charloop.auto.rule import with_settings
from charloop.auto.speed import measure_gigaflops
from charloop.cells.lstm import LSTM
from charloop.devices import make_mesh
from charloop.errors import CharloopError
from charloop.training.events import Event, Started

TEXT = "The quick brown fox jumps over the lazy dog.\n" * 40
SMALL = {"hidden_size": 8, "embed_size": 4, "num_layers": 1, "batch_size": 2, "seq_length": 8, "steps": 4}


@pytest.fixture(autouse=True)
def _known_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolving, "measure_gigaflops", lambda *_: 200.0)


def test_a_configuration_for_a_text() -> None:
    config = choose_config(text=TEXT, minutes=1, cell="gru", validation_fraction=0.2)
    assert (config.model.cell, config.training.minutes, config.data.validation_fraction) == ("gru", 1, 0.2)
    assert (config.data.batch_size, config.model.hidden_size) == (16, 128)
    assert config.training.weight_dropout == 0.3
    assert choose_config(text=TEXT).training.minutes == 3
    assert choose_config(text=TEXT, cell=LSTM(24)).model.hidden_size == 24
    assert choose_config(text=TEXT, cell=LSTM).model.cell == "lstm"


def test_a_configuration_for_a_file(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(TEXT)
    config = choose_config(tmp_path / "book.txt")
    assert config.data.corpus == (str(tmp_path / "book.txt"),)
    assert config.model == choose_config(text=TEXT).model


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"hiden_size": 8}, "hidden_size"), ({"hidden_size": 0}, "hidden-size"), ({"cell": "lsmt"}, "'lstm'")],
)
def test_wrong_settings_are_refused(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(CharloopError, match=message):
        choose_config(text=TEXT, **asked)


def test_a_run_records_what_was_chosen_and_resumes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Event] = []
    (tmp_path / "book.txt").write_text(TEXT)
    asked = with_settings(RunConfig(), {**SMALL, "corpus": str(tmp_path / "book.txt")})
    run = train(asked, tmp_path / "run", kept={*SMALL, "cell"}, listener=events.append)
    stored = json.loads((run / "config.json").read_text())
    chosen = stored["made_with"][0]
    assert (chosen["preset"], chosen["gigaflops"]) == ("auto", 200)
    assert next(e for e in events if isinstance(e, Started)).reasons == tuple(chosen["reasons"])
    assert (stored["training"]["learning_rate"], stored["training"]["warmup_steps"]) == (0.006, 0)
    monkeypatch.setattr(resolving, "choose_for", None)
    longer = with_settings(asked, stored["training"] | {"steps": 8})
    resume(run, longer)
    again = json.loads((run / "config.json").read_text())
    assert again["made_with"][0] == chosen
    assert again["training"] == stored["training"] | {"steps": 8}


def test_a_run_from_another_keeps_its_network(tmp_path: Path) -> None:
    first = train(with_settings(RunConfig(), SMALL), tmp_path / "first", text=TEXT)
    kept = {*SMALL} - {"hidden_size", "embed_size", "num_layers", "batch_size"}
    asked = with_settings(RunConfig(), {"seq_length": 8, "steps": 4})
    second = train(asked, tmp_path / "second", text=TEXT, init_from=first, kept=kept)
    stored = json.loads((second / "config.json").read_text())
    assert [stored["model"][name] for name in ("num_layers", "hidden_size", "embed_size")] == [1, 8, 4]
    assert stored["data"]["batch_size"] == 16


def test_memory_that_is_not_there_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    config = with_settings(RunConfig(), SMALL)
    assert fits_memory(config, 65)
    monkeypatch.setattr("charloop.auto.fitting.free_memory", lambda _: None)
    assert fits_memory(config, 65)
    monkeypatch.setattr("charloop.auto.fitting.free_memory", lambda _: 100_000)
    assert not fits_memory(config, 65)
    assert choose_config(text=TEXT).data.batch_size == 1


def test_the_timing_gives_a_speed() -> None:
    assert 0 < measure_gigaflops(make_mesh(1), 1) < 1e6
    assert 0 < measure_gigaflops(make_mesh(2), 2) < 1e6
