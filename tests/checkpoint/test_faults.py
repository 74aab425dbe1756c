"""Where any system call fails while a checkpoint is written, or the process dies, the files before it stay intact."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from charloop.errors import CharloopError
from checkpoint import scenes
from checkpoint.faults import at_call, failing, failing_half_way, short
from checkpoint.scenes import SCENES, Scene

TESTS = Path(scenes.__file__).parent.parent
ERRORS = {
    "no space": failing(errno.ENOSPC),
    "half a write, then no space": failing_half_way(errno.ENOSPC),
    "I/O error": failing(errno.EIO),
    "no permission": failing(errno.EACCES),
}


def calls_of(scene: Scene, path: Path) -> list[str]:
    """The system calls of a scene without faults."""
    scene.before(path)
    with at_call(-1, short) as made:
        scene.act(path)
    return made


def test_the_system_calls_of_a_checkpoint(tmp_path: Path) -> None:
    """A temporary file is written, flushed and renamed, and the folder flushed; only then is the oldest removed."""
    made = calls_of(SCENES["save"], tmp_path / "run")
    assert made == ["open", "write", "fsync", "close", "replace", "open", "fsync", "close", "unlink"]


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("kind", ERRORS)
def test_whichever_call_fails_the_previous_checkpoint_is_intact(tmp_path: Path, name: str, kind: str) -> None:
    scene = SCENES[name]
    reported = 0
    for number in range(len(calls_of(scene, tmp_path / "counted"))):
        path = tmp_path / f"run-{number}"
        scene.before(path)
        with at_call(number, ERRORS[kind]):
            reported += is_reported(scene, path)
        assert scene.problem(path) == "", number
        assert list(path.rglob("*.charloop")) == [], "no half-written file is left"
    assert reported >= 8


def is_reported(scene: Scene, path: Path) -> bool:
    """Whether the failure is reported, as an error that says what to do; a file that cannot be removed is not."""
    try:
        scene.act(path)
    except CharloopError as error:
        return re.match(r"cannot (save|make the folder|write|lock) .*\(.*\)", str(error)) is not None
    return False


@pytest.mark.parametrize("name", SCENES)
def test_a_partial_write_is_continued(tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    made = calls_of(scene, tmp_path / "counted")
    for number in (n for n, call in enumerate(made) if call == "write"):
        path = tmp_path / f"run-{number}"
        scene.before(path)
        with at_call(number, short):
            scene.act(path)
        assert scene.problem(path) == "", number


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child that dies is forked")
@pytest.mark.parametrize("name", SCENES)
def test_wherever_the_process_dies_the_previous_checkpoint_is_intact(tmp_path: Path, name: str) -> None:
    """SIGKILL before each call, and in the middle of each write."""
    command = [sys.executable, "-m", "checkpoint.scenes", name, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TESTS)
    assert (done.returncode, done.stderr) == (0, "")
    deaths = done.stdout.splitlines()
    assert len(deaths) == 2 * len(calls_of(SCENES[name], tmp_path / "counted")) >= 16
    assert [death for death in deaths if not death.endswith(": ")] == []
