"""The cache folder: files are complete or absent, what cannot be kept is not missed, and leftovers go after a day."""

import os
import time
from pathlib import Path

import pytest

from charloop.files.cache import STALE_SECONDS, cache_folder, keep_in_cache, write_cache_file


def test_the_environment_names_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CHARLOOP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("CHARLOOP_CACHE", "")
    assert cache_folder().name == "charloop", "the platform's own"


def test_the_parts_of_a_file_are_written_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_cache_file(path, b"one", memoryview(b"two"))
    assert path.read_bytes() == b"onetwo"
    write_cache_file(path)
    assert path.read_bytes() == b""
    assert [*path.parent.iterdir()] == [path]


def test_a_failure_to_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_cache_file(path, b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        write_cache_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [path]


def test_what_cannot_be_kept_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    keep_in_cache(tmp_path / "file" / "below a file", b"content")
    keep_in_cache(tmp_path / "kept", b"content")
    assert (tmp_path / "kept").read_bytes() == b"content"


def test_partial_files_of_yesterday_are_removed_and_no_others(tmp_path: Path) -> None:
    """A partial file of a minute ago may belong to another process."""
    now = time.time()
    ages = {"old.part": STALE_SECONDS + 60, "young.part": 60, "old.bin": 10 * STALE_SECONDS}
    for name, age in ages.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (now - age, now - age))
    write_cache_file(tmp_path / "new", b"")
    assert {path.name for path in tmp_path.iterdir()} == {"young.part", "old.bin", "new"}
