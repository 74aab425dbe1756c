"""`log = ["tensorboard"]`: the files hold what happened, also if the process was killed and resumed."""

import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData

from charloop.configfile import to_dict
from charloop.training.events import Noted, Sampled
from training.event_files import curve, events, texts
from training.runs import Run, assert_identical, configure, resume_recorded, run

SCALARS = {
    "train/loss": "loss",
    "train/gradient_norm": "gradient_norm",
    "train/learning_rate": "learning_rate",
    "train/epoch": "epoch",
}
KILLED = """
import os, signal, sys
from pathlib import Path
from charloop.configfile import read_config
from charloop.training.events import Stepped
from charloop.training.run import train

def die(event):
    if isinstance(event, Stepped) and event.steps[-1].step >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

# The loggers run after the listener, so a log that ends early ends with the call before.
train(read_config(Path(sys.argv[1])), Path(sys.argv[2]), listener=die)
"""


def logged(text: Path, **settings: Any) -> Any:
    return configure(text, **{"log": ["tensorboard"], "eval_every": 4, "sample_every": 1} | settings)


def losses_of(made: Run, kind: str, key: str = "loss") -> list[tuple[int, float]]:
    """The records of metrics.jsonl."""
    return [(line["step"], line[key]) for line in made.lines if line["kind"] == kind]


def assert_same_curve(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    """The same steps in the same order, and the same values in the float32 of the file."""
    assert [step for step, _ in found] == [step for step, _ in expected]
    np.testing.assert_allclose([y for _, y in found], [y for _, y in expected], rtol=1e-6)


def assert_log_is_true(made: Run) -> None:
    """All curves are those of metrics.jsonl."""
    for tag, key in SCALARS.items():
        assert_same_curve(curve(made.folder, tag), losses_of(made, "step", key))
    assert_same_curve(curve(made.folder, "validation/loss"), losses_of(made, "evaluation"))


def test_the_curves_are_those_of_the_metrics(text: Path, tmp_path: Path) -> None:
    made = run(tmp_path / "run", logged(text))
    assert_log_is_true(made)
    for part in ("train", "validation"):
        bits = [(step, loss / math.log(2)) for step, loss in curve(made.folder, f"{part}/loss")]
        assert_same_curve(curve(made.folder, f"{part}/bits_per_character"), bits)
    assert curve(made.folder, "train/skipped") == [(step, 0.0) for step in range(1, 13)]
    speeds = curve(made.folder, "train/characters_per_second")
    assert {step for step, _ in speeds} < {3, 4, 6, 7, 8, 9, 11, 12}
    assert all(speed > 0 for _, speed in speeds)


def test_samples_configuration_and_baselines_are_texts(text: Path, tmp_path: Path) -> None:
    config = logged(text)
    made = run(tmp_path / "run", config)
    sampled = made.heard(Sampled)[0]
    for temperature, written in sampled.texts:
        assert texts(made.folder, f"sample/temperature {temperature}")[0] == (sampled.step, written)
    assert texts(made.folder, "configuration") == [(1, tomli_w.dumps(to_dict(made.started.config)))]
    ((_, baselines),) = texts(made.folder, "baselines, bits per character")
    assert f"uniform: {math.log2(11):.3f}" in baselines.splitlines()


@pytest.mark.slow
def test_the_configuration_is_there_for_comparing_runs(text: Path, tmp_path: Path) -> None:
    made = run(tmp_path / "run", logged(text, cell_options=["reset_after=false"], cell="gru"))
    contents = [
        HParamsPluginData.FromString(value.metadata.plugin_data.content)
        for event in events(made.folder)
        for value in event.summary.value
        if value.metadata.plugin_data.plugin_name == "hparams"
    ]
    experiment, session = contents
    assert [info.name.tag for info in experiment.experiment.metric_infos] == ["validation/loss"]
    found = session.session_start_info.hparams
    assert found["model.hidden_size"].number_value == 7
    assert found["model.cell"].string_value == "gru"
    assert found["model.cell_options"].string_value == "reset_after=false"


def test_the_log_changes_no_bit_of_the_run(text: Path, tmp_path: Path) -> None:
    plain, watched = run(tmp_path / "plain", logged(text, log=[])), run(tmp_path / "watched", logged(text))
    assert plain.losses == watched.losses
    assert_identical(plain.state, watched.state)
    assert_identical(plain.best, watched.best)


def test_a_longer_budget_continues_in_the_same_log(text: Path, tmp_path: Path) -> None:
    first = run(tmp_path / "run", logged(text))
    before = {file.name: file.read_bytes() for file in (first.folder / "tensorboard").iterdir()}
    made = resume_recorded(first.folder, logged(text, steps=20))
    assert_log_is_true(made)
    after = {file.name: file.read_bytes() for file in (first.folder / "tensorboard").iterdir()}
    assert len(after) == 2
    assert after.items() > before.items()
    assert [step for step, _ in texts(made.folder, "configuration")] == [1, 13]


@pytest.mark.slow
@pytest.mark.parametrize("torn", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_killed_run_leaves_no_step_twice_and_none_out(text: Path, tmp_path: Path, torn: bool) -> None:
    """Saved after 8 steps, killed at 12, and resumed: steps 9 to 12 are made and logged again."""
    config = logged(text, steps=20, eval_every=8, save_every=100)
    (tmp_path / "config.toml").write_text(tomli_w.dumps(to_dict(config)))
    command = [sys.executable, "-c", KILLED, str(tmp_path / "config.toml"), str(tmp_path / "run"), "14"]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    (file,) = (tmp_path / "run/tensorboard").iterdir()
    assert max(step for step, _ in curve(tmp_path / "run", "train/loss")) in range(10, 14)
    if torn:
        os.truncate(file, file.stat().st_size - 7)
    made = resume_recorded(tmp_path / "run")
    assert made.started.resumed_at == 8
    assert_log_is_true(made)
    assert losses_of(made, "step")[-1][0] == 20


def test_files_of_an_invocation_come_after_those_before_it_whatever_the_clock_says(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run(tmp_path / "run", logged(text))
    monkeypatch.setattr("charloop.training.loggers.tensorboard.time.time", lambda: 1000.0)
    for steps in (15, 18):
        made = resume_recorded(made.folder, logged(text, steps=steps))
    assert_log_is_true(made)
    assert len(list((made.folder / "tensorboard").iterdir())) == 3


def test_a_link_instead_of_the_folder_is_not_followed(text: Path, tmp_path: Path) -> None:
    made = run(tmp_path / "run", configure(text))
    (tmp_path / "elsewhere").mkdir()
    (made.folder / "tensorboard").symlink_to(tmp_path / "elsewhere")
    made = resume_recorded(made.folder, logged(text, steps=15))
    said = [note.text for note in made.heard(Noted)]
    assert [note for note in said if "--log tensorboard is switched off" in note and "not a folder" in note]
    assert not [*(tmp_path / "elsewhere").iterdir()]
    assert made.finished.step == 15
