"""A disk that fills up while a run is saved: one line, and what was saved before is whole."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands import BRIEF, call, done, files_limited_to, prints, refused

SAVED = ("model.safetensors", "checkpoints/step-000000016.safetensors", "vocabulary.json")


@pytest.fixture(scope="module")
def large(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose weights take more space than everything else it writes."""
    folder = tmp_path_factory.mktemp("large") / "run"
    done(call("train", str(book), *BRIEF, "--hidden-size", "64", "--output", str(folder)))
    return folder


def test_a_checkpoint_that_does_not_fit(large: Path, tmp_path: Path) -> None:
    """The new weights would be as large as the old ones; the disk has less space."""
    run = Path(shutil.copytree(large, tmp_path / "run"))
    before, text = prints(run), done(call("sample", "run", "--length", "40"))
    limit = (run / SAVED[0]).stat().st_size - 1000
    with files_limited_to(limit):
        line = refused(call("train", "--resume", "run", "--steps", "20"), out="model ")
    assert line.startswith("cannot save run/")
    assert "(File too large); what was saved before is still there" in line

    after = prints(run)
    assert [after[f"run/{name}"] for name in SAVED] == [before[f"run/{name}"] for name in SAVED]
    assert after.keys() == before.keys(), "no half-written file is left"
    assert done(call("sample", "run", "--length", "40")) == text
    assert "continues after step 16" in done(call("train", "--resume", "run", "--steps", "20"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=1M", "charloop-test", str(disk)]
    if not mount or os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path, but: int) -> Path:
    """A file that takes all of the space on `disk` except `but` bytes."""
    stats = os.statvfs(disk)
    film = disk / "film"
    film.write_bytes(bytes(stats.f_bavail * stats.f_frsize - but))
    return film


def test_a_disk_that_fills_up_between_two_checkpoints(small_disk: Path, large: Path) -> None:
    run = Path(shutil.copytree(large, small_disk / "run"))
    film = fill(small_disk, 64 << 10)
    before = prints(run)
    line = refused(call("train", "--resume", str(run), "--steps", "20"), out="model ")
    assert "(No space left on device)" in line
    assert [prints(run)[f"run/{name}"] for name in SAVED] == [before[f"run/{name}"] for name in SAVED]
    film.unlink()
    assert "continues after step 16" in done(call("train", "--resume", str(run), "--steps", "20"))


def test_a_disk_with_no_space_for_a_run(small_disk: Path, book: Path) -> None:
    fill(small_disk, 0)
    line = refused(call("train", str(book), *BRIEF, "--output", str(small_disk / "run")))
    assert "No space left on device" in line
