"""One process at a time in a run's folder: the second is refused, and a dead one leaves no lock."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from charloop.checkpoint import RunFolder, locked, new_folder
from charloop.errors import CharloopError
from checkpoint.files import CONFIG
from checkpoint.scenes import make
from training.runs import resume_recorded, run

HOLDS = """
import sys, time
from pathlib import Path
from charloop.checkpoint.lock import locked
with locked(Path(sys.argv[1])):
    print("holds it", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of `folder`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds it\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_changes_nothing(folder: Path, holder: subprocess.Popen[str]) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    message = rf"{folder} is in use: process {holder.pid} trains in it; wait until"
    with pytest.raises(CharloopError, match=message):
        resume_recorded(folder)
    with pytest.raises(CharloopError, match=message):
        run(folder, RunFolder.open(folder).config, overwrite=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert not folder.with_name("run~1").exists()


def test_the_lock_dies_with_its_process(folder: Path, holder: subprocess.Popen[str]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert resume_recorded(folder).finished.step == 2


def test_it_is_free_again_when_the_run_is_over_or_has_failed(folder: Path) -> None:
    resume_recorded(folder)
    with pytest.raises(ZeroDivisionError), locked(folder):
        1 / 0  # noqa: B018
    resume_recorded(folder)


def test_in_the_same_process_too(folder: Path) -> None:
    with locked(folder), pytest.raises(CharloopError, match=f"in use: process {os.getpid()}"):
        resume_recorded(folder)


def test_nothing_is_written_through_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    (folder / ".lock").unlink()
    (folder / ".lock").symlink_to(tmp_path / "letter")
    with pytest.raises(CharloopError, match=r"cannot write .*\.lock"):
        resume_recorded(folder)
    assert (tmp_path / "letter").read_text() == "dear"


@pytest.mark.parametrize("name", ["checkpoints", "samples", "metrics.jsonl", "skipped.jsonl"])
def test_nothing_is_written_through_a_link_out_of_the_run(folder: Path, tmp_path: Path, name: str) -> None:
    if (folder / name).exists():
        (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CharloopError, match=rf"{name} is a link out of the run; "):
        resume_recorded(folder)


def test_of_two_that_begin_at_once_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with new_folder(path, overwrite=False), pytest.raises(CharloopError, match="in use"):
        make(path)


def test_an_unfinished_run_folder_of_a_killed_process_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run"
    make(path)
    (path / CONFIG).unlink()
    (path / f".{CONFIG}.0123456789abcdef.charloop").write_text("{")
    with pytest.raises(CharloopError, match=r"it was stopped while it was created: repeat the command"):
        RunFolder.open(path)
    make(path)
    assert RunFolder.open(path).checkpoints.newest()
    assert [entry.name for entry in path.iterdir() if entry.name.endswith(".charloop")] == []


def test_a_new_run_replaces_what_a_process_of_an_earlier_release_left_half_made(tmp_path: Path) -> None:
    path = tmp_path / "run"
    make(path)
    (path / CONFIG).unlink()
    (path / "checkpoints").rename(path / "saves")
    make(path)
    assert not (path / "saves").exists()
    assert RunFolder.open(path).checkpoints.newest().path.parent == path / "checkpoints"


@pytest.mark.parametrize(
    "name",
    [
        "letter.txt",
        "samples/step-0000001.txt",
        "checkpoints/step-000000010.safetensors",
        "saves/step-000000010.safetensors",
    ],
)
def test_a_folder_with_other_files_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run"
    make(path)
    (path / CONFIG).unlink()
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("dear")
    with pytest.raises(CharloopError, match="is not empty, and not a run"):
        make(path)
    assert (path / name).read_text() == "dear"


def test_half_written_files_of_a_killed_process_are_removed_on_resume(folder: Path) -> None:
    ours = [
        f".{CONFIG}.0123456789abcdef.charloop",
        "checkpoints/.step-000000002.safetensors.fedcba9876543210.charloop",
    ]
    theirs = [".letter.tmp", "notes.charloop", "samples/.mine", ".config.json.0123.charloop"]
    for name in (*ours, *theirs):
        (folder / name).write_text("")
    resume_recorded(folder)
    assert [name for name in ours if (folder / name).exists()] == []
    assert [name for name in theirs if not (folder / name).exists()] == []
