"""Small files are read whole; a pipe is not waited for, and a device or a hole not read to its end."""

import os
import threading
import time
from pathlib import Path

import pytest

from charloop.files.small import MAX_SMALL_BYTES, read_small


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1\r\n2" * 1000)
    assert read_small(path) == b"1\r\n2" * 1000
    assert read_small(path, max_bytes=5000) == b"1\r\n2" * 1000
    with pytest.raises(OSError, match="more than 0 MB"):
        read_small(path, max_bytes=4999 - 1000)


@pytest.mark.parametrize("only_file", [True, False])
def test_a_hole_is_not_read_to_its_end(tmp_path: Path, only_file: bool) -> None:
    path = tmp_path / "hole"
    path.touch()
    os.truncate(path, 1 << 42)
    with pytest.raises(OSError, match=f"more than {MAX_SMALL_BYTES >> 20} MB"):
        read_small(path, only_file=only_file)


def test_a_pipe_is_not_waited_for_unless_it_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a file"):
        read_small(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"content",))
    writer.start()
    assert read_small(path, only_file=False) == b"content"
    writer.join()


def test_a_pipe_that_nobody_writes_to_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charloop.files.small.PIPE_WAIT_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a pipe that nobody writes to"):
        read_small(tmp_path / "pipe", only_file=False)


def test_who_writes_slowly_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.files.small.PIPE_WAIT_SECONDS", 0.05)
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with open(path, "wb", 0) as pipe:
            for piece in (b"one ", b"two ", b"three"):
                time.sleep(0.2)
                pipe.write(piece)

    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.1)
    assert read_small(path, only_file=False) == b"one two three"
    writer.join()
    os.close(reading)


def test_a_device_without_end() -> None:
    with pytest.raises(OSError, match="not a file"):
        read_small(Path("/dev/zero"))
    with pytest.raises(OSError, match="more than 1 MB"):
        read_small(Path("/dev/zero"), max_bytes=1 << 20, only_file=False)


@pytest.mark.parametrize("name", ["nowhere", ".", "a\0b", "\ud800", "loop"])
def test_what_cannot_be_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError) as raised:  # noqa: PT011
        read_small(tmp_path / name)
    assert raised.value.strerror
