"""A file has its old or its new content, never a part: with real faults, in real processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from charloop.checkpoint import append_line, write_atomically
from charloop.errors import CharloopError

OLD = b"old" * 1000
KILLED = """
import sys
from pathlib import Path
from charloop.checkpoint import write_atomically
number = 0
while True:
    write_atomically(Path(sys.argv[1]), bytes([number % 256]) * 3_000_000)
    number += 1
    print(number, flush=True)
"""
LIMITED = """
import resource, sys
from pathlib import Path
from charloop.checkpoint import write_atomically, append_line
from charloop.errors import CharloopError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
write = {"write": write_atomically, "append": append_line}[sys.argv[2]]
try:
    write(Path(sys.argv[1]), b"new" * 100_000)
except CharloopError as error:
    print(error)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "file.bin"
    path.parent.mkdir()
    write_atomically(path, OLD)
    return path


def test_the_new_content_replaces_the_old_and_leaves_nothing_else(saved: Path) -> None:
    write_atomically(saved, b"new")
    assert saved.read_bytes() == b"new"
    assert names(saved.parent) == ["file.bin"]


def test_the_file_can_be_read_by_whom_other_files_can(saved: Path) -> None:
    (saved.parent / "plain").write_text("")
    assert saved.stat().st_mode == (saved.parent / "plain").stat().st_mode


@pytest.mark.slow
def test_a_process_killed_while_it_saves_leaves_the_old_file_or_the_new(saved: Path) -> None:
    """Three times, a little later each time: somewhere in the many files that it writes."""
    for number in range(3):
        command = [sys.executable, "-c", KILLED, str(saved)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "1"
            time.sleep(0.05 + 0.013 * number)
            process.send_signal(signal.SIGKILL)
        content = saved.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1


@pytest.mark.parametrize("way", ["write", "append"])
def test_a_file_that_may_not_grow_leaves_the_old_one(saved: Path, way: str) -> None:
    command = [sys.executable, "-c", LIMITED, str(saved), way]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{saved} (File too large)" in done.stdout
    assert saved.read_bytes().startswith(OLD)
    assert (saved.read_bytes() == OLD) == (way == "write")
    assert names(saved.parent) == ["file.bin"]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(small_disk: Path) -> None:
    path = small_disk / "file.bin"
    write_atomically(path, OLD)
    with pytest.raises(CharloopError, match=r"cannot save .*No space left.*make room"):
        write_atomically(path, b"new" * 100_000)
    assert path.read_bytes() == OLD
    assert names(small_disk) == ["file.bin"]


def test_a_full_disk_is_reported_when_lines_are_added(small_disk: Path) -> None:
    with pytest.raises(CharloopError, match=r"metrics\.jsonl \(No space left"):
        append_line(small_disk / "metrics.jsonl", b"line\n" * 100_000)


def test_a_folder_that_may_not_be_written_to(saved: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    saved.parent.chmod(0o500)
    with pytest.raises(CharloopError, match="Permission denied"):
        write_atomically(saved, b"new")
    saved.parent.chmod(0o700)
    assert saved.read_bytes() == OLD


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CharloopError, match=r"cannot save .*No such file or directory.*--output"):
        write_atomically(tmp_path / "nowhere" / "file", b"")


def test_a_disk_that_fails_at_the_last_moment(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content that may not be on the disk does not replace content that is."""

    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CharloopError, match="Input/output error"):
        write_atomically(saved, b"new")
    assert saved.read_bytes() == OLD
    assert names(saved.parent) == ["file.bin"]


def test_an_interrupt_in_the_middle_leaves_no_rubbish(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(saved, b"new")
    assert names(saved.parent) == ["file.bin"]


def test_lines_are_added_to_the_end(tmp_path: Path) -> None:
    append_line(tmp_path / "lines", b"one\n")
    append_line(tmp_path / "lines", b"two\n")
    assert (tmp_path / "lines").read_bytes() == b"one\ntwo\n"
