"""A run's folder that an earlier release made opens, resumes, verifies, evaluates and samples, unchanged on disk.

`old_run/` holds that run at step 24 (`run/`), the same run after that release continued it to step 36 (`continued/`)
and what its networks did (`outcome.json`). Of `config.json`, only the path of the text was changed. Floating-point
results are compared bit by bit where they are computed with the same libraries on the same processor, and to a
tolerance elsewhere.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import RunFolder, load_tensors
from charloop.errors import CharloopError
from charloop.trained import load
from charloop.training.verification import Repetition
from training.runs import Run, assert_identical, resume_recorded

OLD = Path(__file__).parent / "old_run"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the old run, whose text is found from the working directory."""
    monkeypatch.chdir(OLD)
    return Path(shutil.copytree(OLD / "run", tmp_path / "run"))


def lines_of(path: Path) -> list[dict]:
    """A run's JSON lines, without what the clock said."""
    lines = map(json.loads, path.read_text().splitlines())
    return [{name: value for name, value in line.items() if name != "elapsed"} for line in lines]


def is_made_alike(old: Path) -> bool:
    """Whether the libraries, the flags and the processor are those that the old run was made with."""
    return not Repetition.of(old).notes


def test_it_opens_with_all_its_settings(old: Path) -> None:
    training = RunFolder.open(old).config.training
    assert (training.optimizer, training.learning_rate, training.steps) == ("adamw", 8.5, 24)
    values = json.loads((old / "config.json").read_text())["training"]
    assert (values["momentum"], values["second_moment"], values["keep_saves"]) == (0.5, 0.95, 3)
    assert (training.beta1, training.beta2, training.keep_checkpoints) == (0.5, 0.95, 3)


def test_it_continues_to_the_bits_that_the_earlier_release_came_to(old: Path) -> None:
    alike = is_made_alike(old)
    config = json.loads((old / "config.json").read_text())
    config["training"]["steps"] = 36
    (old / "config.json").write_text(json.dumps(config))
    made = resume_recorded(old)
    assert made.started.resumed_at == 24
    assert made.finished.step == 36
    expected = lines_of(OLD / "continued" / "metrics.jsonl")
    assert [(line["kind"], line["step"]) for line in made.lines] == [
        (line["kind"], line["step"]) for line in expected
    ]
    assert made.finished.skipped == 1
    if not alike:
        losses = [line["loss"] for line in expected if line["kind"] == "step"]
        np.testing.assert_allclose(made.losses[:3], losses[24:27], rtol=1e-3)
        return
    assert made.lines == expected
    assert lines_of(old / "skipped.jsonl") == lines_of(OLD / "continued" / "skipped.jsonl")
    state = "step-000000036.safetensors"
    assert_identical(load_tensors(old / "saves" / state)[0], load_tensors(OLD / "continued" / state)[0])
    assert_identical(Run(old).best, load_tensors(OLD / "continued" / "model.safetensors")[0])


def test_it_keeps_as_many_checkpoints_as_it_was_asked_to(old: Path) -> None:
    """In the folder in which it has them."""
    config = json.loads((old / "config.json").read_text())
    config["training"] |= {"steps": 27, "eval_every": 100}
    (old / "config.json").write_text(json.dumps(config))
    resume_recorded(old)
    names = [path.name for path in (old / "saves").iterdir()]
    assert not (old / "checkpoints").exists()
    assert sorted(names) == [f"step-{step:09}.safetensors" for step in (18, 24, 27)]


def test_its_checkpoints_are_not_a_link_out_of_the_run(old: Path) -> None:
    (old / "saves").rename(old.parent / "elsewhere")
    (old / "saves").symlink_to(old.parent / "elsewhere")
    with pytest.raises(CharloopError, match="saves is a link out of the run; "):
        resume_recorded(old)


def test_it_verifies(old: Path) -> None:
    repetition = Repetition.of(old)
    assert (repetition.start, repetition.stop) == (18, 24)
    checks = repetition.run()
    if not repetition.notes:
        assert [check.difference for check in checks] == [None] * 5


@pytest.mark.parametrize("weights", ["best", "last"])
def test_its_networks_evaluate_and_write(old: Path, weights: str) -> None:
    outcome = json.loads((OLD / "outcome.json").read_text())[weights]
    network = load(old, weights=weights)
    assert network.facts == outcome["facts"]
    score = network.evaluate("begin again where you have once begun.")
    assert score.nats == pytest.approx(outcome["nats"], rel=1e-4)
    (text,) = network.sample("the sea", length=60, temperature=outcome["sample"]["temperature"], seed=1)
    assert len(text) == len(outcome["sample"]["text"])
    if is_made_alike(old):
        assert score.nats == outcome["nats"]
        assert text == outcome["sample"]["text"]
