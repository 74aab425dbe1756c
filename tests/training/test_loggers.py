"""What a run does with its loggers: what they receive, and that none of them can stop or change it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from charloop.checkpoint import RunFolder
from charloop.configfile import read_config, to_dict
from charloop.evaluation import Score
from charloop.training.events import Evaluated, Noted, Sampled, Started, Stepped, ignore
from charloop.training.loggers import LOGGERS, Logging
from charloop.training.metrics import StepRecord
from refusing import refused
from training.event_files import curve
from training.runs import Run, assert_identical, at_step, configure, resume_recorded, run

FULL = """
import resource, sys
from pathlib import Path
from charloop.configfile import read_config
from charloop.training.events import Noted
from charloop.training.run import train
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
train(read_config(Path(sys.argv[1])), Path(sys.argv[2]),
      listener=lambda event: print(event.text) if isinstance(event, Noted) else None)
"""


class Recorder:
    """A logger that keeps what it receives, and raises in one of its methods, from a step on."""

    def __init__(self, fails: str = "", step: int = 0) -> None:
        self.fails, self.step, self.received = fails, step, list[tuple[Any, ...]]()

    def _hear(self, *what: Any) -> None:
        self.received.append(what)
        if what[0] == self.fails and (what[0] in ("begin", "close") or what[1] >= self.step):
            raise OSError(28, "No space left\non device")

    def begin(self, started: Started) -> str:
        self._hear("begin", started.resumed_at)
        return "a list"

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._hear("scalars", step, dict(values))

    def text(self, step: int, name: str, text: str) -> None:
        self._hear("text", step, name, text)

    def close(self) -> None:
        self._hear("close")

    def calls(self, method: str) -> list[tuple[Any, ...]]:
        return [rest for name, *rest in self.received if name == method]  # type: ignore[misc]


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorder]:
    """Two registered loggers."""
    made = {"one": Recorder(), "two": Recorder()}
    for name, recorder in made.items():
        monkeypatch.setitem(LOGGERS, name, lambda recorder=recorder: recorder)
    return made


def notes(made: Run) -> list[str]:
    return [note.text for note in made.heard(Noted)]


def test_each_logger_receives_everything_in_order_and_is_closed_once(
    text: Path, tmp_path: Path, recorders: Any
) -> None:
    made = run(tmp_path / "run", configure(text, log=["one", "two", "one"], eval_every=4, sample_every=1))
    one, two = recorders.values()
    assert one.received == two.received
    assert one.received[0] == ("begin", 0)
    assert [method for method, *_ in one.received].count("begin") == 1
    assert one.received[-1] == ("close",)
    assert len(one.calls("close")) == 1
    assert [step for step, values in one.calls("scalars") if "train/loss" in values] == [*range(1, 13)]
    steps = [call[1] for call in one.received if call[0] in ("scalars", "text")]
    assert steps == sorted(steps)
    assert "the log goes to a list" in notes(made)


@pytest.mark.parametrize("method", ["begin", "scalars", "text", "close"])
def test_a_logger_that_fails_is_switched_off_and_nothing_else_changes(
    method: str, text: Path, tmp_path: Path, recorders: Any
) -> None:
    recorders["one"].__init__(method, step=5)
    settings = {"eval_every": 4, "sample_every": 1}
    plain = run(tmp_path / "plain", configure(text, **settings))
    made = run(tmp_path / "run", configure(text, log=["one", "two"], **settings))
    assert_identical(plain.state, made.state)
    assert_identical(plain.best, made.best)
    assert plain.losses == made.losses
    said = [note for note in notes(made) if "switched off" in note]
    assert said == ["--log one is switched off, training continues: [Errno 28] No space left on device"]
    methods = [call[0] for call in recorders["one"].received]
    assert methods[-2:] == [method, "close"] if method != "close" else methods.count("close") == 1
    assert methods.count("close") == 1
    assert [step for step, values in recorders["two"].calls("scalars") if "train/loss" in values][-1] == 12


def test_a_logger_is_closed_when_training_fails(text: Path, tmp_path: Path, recorders: Any) -> None:
    def fail() -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(tmp_path / "run", configure(text, log=["one"]), at_step(6, fail))
    assert recorders["one"].received[-1] == ("close",)


@pytest.mark.usefixtures("recorders")
def test_a_listener_that_raises_is_not_taken_for_a_logger(text: Path, tmp_path: Path) -> None:
    def watch(event: Any) -> None:
        if isinstance(event, Noted):
            raise RuntimeError("the screen is gone")

    with pytest.raises(RuntimeError, match="the screen"):
        run(tmp_path / "run", configure(text, log=["one"]), watch)


def test_nan_is_not_a_point() -> None:
    """The loss of a skipped update, and of an evaluation that is not finite."""
    kept = Recorder()
    with Logging({"one": kept}, ignore) as logging:
        steps = [StepRecord(1, 0.0, float("nan"), float("inf"), 0.1, skipped="nan", in_a_row=1)]
        logging(Stepped(steps, 0.1, 1.0))
        logging(Stepped([StepRecord(2, 0.0, 3.0, 40.0, 0.1, skipped="a spike", in_a_row=2)], 0.1, 2.0))
    expected = {"train/epoch": 0.0, "train/learning_rate": 0.1, "train/skipped": 1.0}
    assert kept.calls("scalars")[0] == [1, expected]
    assert kept.calls("scalars")[1][1]["train/gradient_norm"] == 40.0
    assert "train/loss" not in kept.calls("scalars")[1][1]


def stepped(last: int, elapsed: float) -> Stepped:
    return Stepped([StepRecord(last - n, 0.0, 1.0, 1.0, 1.0) for n in (2, 1, 0)], 0.1, elapsed)


def test_the_speed_is_of_training_alone() -> None:
    """300 characters per call; the seconds of an evaluation do not count, and after samples the speed is unknown."""
    kept = Recorder()
    with Logging({"one": kept}, ignore) as logging:
        logging._chunk = 100
        logging(stepped(3, 1.0))
        logging(stepped(6, 2.0))
        logging(Evaluated(6, Score(1.0, 1), True, 7.0))
        logging(stepped(9, 8.0))
        logging(Sampled(9, []))
        logging(stepped(12, 20.0))
        logging(stepped(15, 22.0))
    speeds = {
        step: values["train/characters_per_second"]
        for step, values in kept.calls("scalars")
        if "train/characters_per_second" in values
    }
    assert speeds == {6: 300.0, 9: 300.0, 15: 150.0}


def test_unknown_ones_are_refused_before_anything_is_made(text: Path, tmp_path: Path) -> None:
    with refused("unknown logger", got="tensorbord", do="did you mean 'tensorboard'"):
        run(tmp_path / "run", configure(text, log=["tensorbord"]))
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_remembers_its_loggers_and_can_change_them(
    text: Path, tmp_path: Path, recorders: Any
) -> None:
    run(tmp_path / "run", configure(text, log=["one"]))
    assert RunFolder.open(tmp_path / "run").config.training.log == ("one",)
    resume_recorded(tmp_path / "run")
    assert [call for call in recorders["one"].received if call[0] == "begin"] == [("begin", 0), ("begin", 12)]
    resume_recorded(tmp_path / "run", configure(text, log=["two"], steps=15))
    assert recorders["two"].received[0] == ("begin", 12)
    assert len(recorders["one"].calls("begin")) == 2


def test_loggers_are_a_setting_of_a_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[training]\nlog = ["tensorboard", "wandb"]\n')
    assert read_config(tmp_path / "a.toml").training.log == ("tensorboard", "wandb")


@pytest.mark.slow
def test_a_disk_that_fills_up(text: Path, tmp_path: Path) -> None:
    """No file may grow larger than metrics.jsonl, which is too small for the event file."""
    config = configure(text, log=["tensorboard"], steps=300)
    (tmp_path / "config.toml").write_text(tomli_w.dumps(to_dict(config)))
    command = [sys.executable, "-c", FULL, str(tmp_path / "config.toml"), str(tmp_path / "run"), "60000"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("--log tensorboard is switched off, training continues: cannot write ") == 1
    (file,) = (tmp_path / "run/tensorboard").iterdir()
    assert file.stat().st_size == 60_000
    plain = run(tmp_path / "plain", configure(text, steps=300))
    assert_identical(Run(tmp_path / "run").state, plain.state)
    assert len(Run(tmp_path / "run").lines) == len(plain.lines)

    made = resume_recorded(tmp_path / "run", configure(text, log=["tensorboard"], steps=306))
    steps = [step for step, _ in curve(made.folder, "train/loss")]
    assert steps == [*range(1, steps.index(301) + 1), *range(301, 307)]
