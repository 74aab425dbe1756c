"""Output files that a user names: whole or absent, never over a file unless asked; pipes are written to."""

import os
from pathlib import Path
from typing import BinaryIO

import pytest

from charloop.errors import CharloopError
from charloop.files import output
from charloop.files.output import check_output, rename_to_new, would_overwrite, write_output, write_together


def write_new(file: BinaryIO) -> None:
    file.write(b"new")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_only_a_file_and_a_link_to_a_file_would_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    os.mkfifo(tmp_path / "pipe")
    for name, target in (
        ("to file", "file"),
        ("to pipe", "pipe"),
        ("to device", "/dev/null"),
        ("to nothing", "x"),
    ):
        (tmp_path / name).symlink_to(target)
    there = {name for name in [*names(tmp_path), "absent"] if would_overwrite(tmp_path / name)}
    assert there == {"file", "to file", "to nothing"}
    assert not would_overwrite(Path("/dev/null"))


def test_a_folder_is_refused_as_output(tmp_path: Path) -> None:
    with pytest.raises(CharloopError) as refused:
        check_output("--output", str(tmp_path), overwrite=True, allowed="a JSON file")
    error = refused.value
    assert (error.what, error.got, error.allowed) == ("--output", str(tmp_path), "a JSON file")
    assert error.do == "that is a folder"


def test_an_existing_file_is_refused_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    check_output("--output", str(path), overwrite=False)
    path.touch()
    check_output("--output", str(path), overwrite=True)
    with pytest.raises(CharloopError) as refused:
        check_output("--output", str(path), overwrite=False)
    assert str(path) in refused.value.what
    assert "--overwrite" in str(refused.value.do)


def test_a_file_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CharloopError) as refused:
        check_output("--output", str(tmp_path / "nowhere" / "file"), overwrite=True)
    assert str(tmp_path / "nowhere") in refused.value.what


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_failure_while_writing_leaves_the_folder_as_it_was(tmp_path: Path, overwrite: bool) -> None:
    if overwrite:
        (tmp_path / "file").write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(CharloopError, match="No space left on device"):
        write_output("--output", str(tmp_path / "file"), fail, overwrite=overwrite)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"] * overwrite


def test_a_file_created_meanwhile_is_kept_unless_it_may_be_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write_late(file: BinaryIO) -> None:
        path.write_bytes(b"another's")
        write_new(file)

    with pytest.raises(CharloopError) as refused:
        write_output("--output", str(path), write_late, overwrite=False)
    assert refused.value.do == "add --overwrite"
    assert path.read_bytes() == b"another's"
    write_output("--output", str(path), write_late, overwrite=True)
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    write_output("--output", str(path), write_new, overwrite=False)
    assert os.read(reading, 9) == b"new"
    os.close(reading)
    assert path.is_fifo()


def test_a_pipe_that_nobody_reads_is_not_reported_as_a_file(tmp_path: Path) -> None:
    def break_pipe(_: BinaryIO) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        write_output("--output", str(tmp_path / "file"), break_pipe, overwrite=False)


@pytest.mark.parametrize("links", [True, False])
def test_a_name_is_taken_only_if_it_is_free(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on file systems that have no links."""

    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    temporary, path = tmp_path / "temporary", tmp_path / "file"
    temporary.write_bytes(b"first")
    rename_to_new(temporary, path)
    assert names(tmp_path) == ["file"]
    temporary.write_bytes(b"second")
    with pytest.raises(FileExistsError):
        rename_to_new(temporary, path)
    assert path.read_bytes() == b"first"


def test_files_that_belong_together_appear_when_all_are_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = {tmp_path / name: name.encode() for name in ("a", "b", "c")}
    seen: list[list[str]] = []

    def rename(temporary: Path, path: Path) -> None:
        seen.append(sorted(one.read_text() for one in tmp_path.iterdir()))
        rename_to_new(temporary, path)

    monkeypatch.setattr(output, "rename_to_new", rename)
    write_together("--output", contents, overwrite=False)
    assert seen == [["a", "b", "c"]] * 3
    assert names(tmp_path) == ["a", "b", "c"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_belong_together_replace_no_pipe(tmp_path: Path, overwrite: bool) -> None:
    os.mkfifo(tmp_path / "b")
    with pytest.raises(CharloopError) as refused:
        write_together("--output", {tmp_path / name: b"new" for name in "ab"}, overwrite=overwrite)
    assert refused.value.do == "that is a pipe or a device"
    assert names(tmp_path) == ["b"]


def test_of_files_that_belong_together_none_is_left_if_one_is_there(tmp_path: Path) -> None:
    for there in ("a", "b", "c"):
        (tmp_path / there).write_text("kept")
        with pytest.raises(CharloopError, match="was created meanwhile"):
            write_together("--output", {tmp_path / name: b"new" for name in ("a", "b", "c")}, overwrite=False)
        assert names(tmp_path) == [there]
        assert (tmp_path / there).read_text() == "kept"
        (tmp_path / there).unlink()
