"""`charloop train --find-learning-rate`: a table, a rate and a command; nothing is written."""

import json
import shlex
from pathlib import Path

import pytest

from cli.commands import BRIEF, assert_refused, call, done


def test_it_prints_a_rate_and_the_command_that_trains_with_it(book: Path, tmp_path: Path) -> None:
    out = done(call("train", str(book), *BRIEF, "--find-learning-rate", "-o", "run"))
    rate, train = (line.split(maxsplit=1) for line in out.splitlines()[-2:])
    assert out.splitlines()[0].split() == ["learning", "rate", "smoothed", "loss"]
    command = shlex.split(train[1])
    assert command[:3] == ["charloop", "train", str(book)]
    assert command[-2:] == ["--learning-rate", rate[1].split()[1].rstrip(":")]
    assert "--find-learning-rate" not in command
    assert list(tmp_path.iterdir()) == []
    done(call(*command[1:]))
    assert (tmp_path / "run" / "config.json").exists()


def test_json_has_the_figures(book: Path) -> None:
    found = json.loads(done(call("train", str(book), *BRIEF, "--find-learning-rate", "--json")))
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert found["command"][-2:] == ["--learning-rate", f"{found['learning_rate']:g}"]
    assert "--json" not in found["command"]


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (("--find-learning-rate", "--learning-rate", "1e-3"), "--find-learning-rate and --learning-rate"),
        (("--find-learning-rate", "--resume", "run"), "--find-learning-rate and --resume"),
        (("--json",), "--json needs --find-learning-rate"),
    ],
)
def test_flags_that_contradict_it_are_refused(flags: tuple[str, ...], what: str, book: Path) -> None:
    assert_refused(call("train", str(book), *flags), what)
