"""`log = ["wandb"]`, against a module that records what it receives; and, where it is installed, wandb."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from charloop.configfile import to_dict
from charloop.training.events import Noted, Sampled
from refusing import refused
from training.fake_wandb import FakeWandb
from training.runs import Run, configure, resume_recorded, run


@pytest.fixture
def wandb(monkeypatch: pytest.MonkeyPatch) -> FakeWandb:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    return fake


def logged(text: Path, **settings: Any) -> Any:
    return configure(text, **{"log": ["wandb"], "eval_every": 4, "sample_every": 1} | settings)


def notes(made: Run) -> list[str]:
    return [note.text for note in made.heard(Noted)]


def test_a_row_for_each_step_with_all_that_belongs_to_it(
    text: Path, tmp_path: Path, wandb: FakeWandb
) -> None:
    made = run(tmp_path / "run", logged(text))
    (history,) = wandb.histories.values()
    losses = {line["step"]: line["loss"] for line in made.lines if line["kind"] == "step"}
    assert {step: row["train/loss"] for step, row in history.items()} == losses
    scores = {line["step"]: line["loss"] for line in made.lines if line["kind"] == "evaluation"}
    found = {step: row["validation/loss"] for step, row in history.items() if "validation/loss" in row}
    assert found == scores
    sampled = made.heard(Sampled)[0]
    assert history[sampled.step]["sample/temperature 0.5"] == f"<pre>{sampled.texts[0][1]}</pre>"
    (options,) = wandb.inits
    assert options["config"] == to_dict(made.started.config)
    assert (options["project"], options["name"], options["dir"]) == ("charloop", "run", str(tmp_path / "run"))
    assert (options["settings"].silent, options["settings"].console) == (True, "off"), "the screen is ours"
    assert [one.finished for one in wandb.runs] == [1]
    assert "the log goes to https://wandb.example/charloop/1" in notes(made)


def test_a_resumed_run_is_the_same_run_there(text: Path, tmp_path: Path, wandb: FakeWandb) -> None:
    run(tmp_path / "run", logged(text))
    run(tmp_path / "other", logged(text))
    made = resume_recorded(tmp_path / "run", logged(text, steps=20))
    first, other, second = wandb.inits
    assert first["id"] == second["id"] != other["id"]
    assert second["resume"] == "allow"
    losses = {line["step"]: line["loss"] for line in made.lines if line["kind"] == "step"}
    assert {step: row["train/loss"] for step, row in wandb.histories[first["id"]].items()} == losses


def test_a_damaged_id_is_replaced(text: Path, tmp_path: Path, wandb: FakeWandb) -> None:
    run(tmp_path / "run", logged(text))
    (tmp_path / "run/wandb/charloop-id").write_bytes(b"../../\xff")
    resume_recorded(tmp_path / "run", logged(text, steps=15))
    first, second = wandb.inits
    assert first["id"] != second["id"]
    assert len(second["id"]) == 16


def test_the_project_may_be_named(
    text: Path, tmp_path: Path, wandb: FakeWandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    run(tmp_path / "run", logged(text))
    assert wandb.inits[0]["project"] == "mine"


def test_nobody_logged_in_is_refused_before_anything_is_made(
    text: Path, tmp_path: Path, wandb: FakeWandb
) -> None:
    wandb.key = False
    with refused("nobody is logged in", do="WANDB_MODE=offline"):
        run(tmp_path / "run", logged(text))
    assert not (tmp_path / "run").exists()
    wandb.mode = "offline"
    made = run(tmp_path / "run", logged(text))
    assert f"the log goes to {tmp_path}/run/wandb, send it with wandb sync" in notes(made)


def test_a_service_that_is_gone(text: Path, tmp_path: Path, wandb: FakeWandb) -> None:
    def refuse(**options: Any) -> None:
        raise ConnectionError(f"no route to {options['project']}")

    wandb.init = refuse  # type: ignore[method-assign,assignment]
    made = run(tmp_path / "run", logged(text))
    assert made.finished.step == 12
    assert "--log wandb is switched off, training continues: no route to charloop" in notes(made)


PROGRAM = """
import sys
from pathlib import Path
from training.runs import configure, resume_recorded, run
text, folder = map(Path, sys.argv[1:])
config = configure(text, log=["wandb"], eval_every=4, sample_every=1)
run(folder, config)
resume_recorded(folder, configure(text, log=["wandb"], eval_every=4, sample_every=1, steps=20))
"""


def test_wandb_itself_without_a_network(text: Path, tmp_path: Path) -> None:
    """Two invocations leave two parts of one run, for `wandb sync`, and nothing on the screen."""
    pytest.importorskip("wandb")
    environment = os.environ | {
        "WANDB_MODE": "offline",
        "PYTHONPATH": str(Path(__file__).parent.parent),
        **{name: str(tmp_path) for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR")},
    }
    command = [sys.executable, "-c", PROGRAM, str(text), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    parts = sorted((tmp_path / "run/wandb").glob("offline-run-*/run-*.wandb"))
    assert len(parts) == 2
    assert {part.name for part in parts} == {f"run-{(tmp_path / 'run/wandb/charloop-id').read_text()}.wandb"}
    assert all(b"train/loss" in part.read_bytes() for part in parts)
