"""The temporary names of incomplete files, and writing that the system accepts only piece by piece."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.files.atomic import is_leftover, remove_leftovers, write_all, write_beside


@settings(deadline=None)
@given(st.text("ab-_0", min_size=1, max_size=12), st.text("0123456789abcdef", min_size=16, max_size=16))
def test_only_a_temporary_name_is_one_of_a_leftover(name: str, token: str) -> None:
    temporary = f".{name}.{token}.charloop"
    assert is_leftover(temporary)
    for other in (name, temporary[1:], temporary + "x", temporary[:-1], f".{name}.{token[1:]}.charloop"):
        assert not is_leftover(other)


def test_leftovers_are_removed_from_a_run_and_its_subfolders_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "mine.txt").touch()
    for folder in (tmp_path, tmp_path / "checkpoints"):
        with pytest.raises(KeyboardInterrupt):
            write_beside(folder / "x", lambda file: file.write(b"1"), rename=killed)
    # As a process leaves them that is killed before it can clean up.
    left = [tmp_path / f".x.{0:016x}.charloop", tmp_path / "checkpoints" / f".y.{1:016x}.charloop"]
    for path in left:
        path.touch()
    (tmp_path / f".z.{2:016x}.charloop").mkdir()
    remove_leftovers(tmp_path)
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert found == {"checkpoints", "mine.txt", f".z.{2:016x}.charloop"}


def killed(temporary: Path, path: Path) -> None:
    """Check the temporary name, and end the writing."""
    assert re.fullmatch(rf"\.{path.name}\.[0-9a-f]{{16}}\.charloop", temporary.name)
    assert temporary.read_bytes() == b"1"
    raise KeyboardInterrupt


def test_content_is_written_whole_however_little_the_system_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    with open(tmp_path / "file", "wb") as file:
        write_all(file.fileno(), b"0123456789")
    write_beside(tmp_path / "beside", lambda file: file.write(b"0123456789"))
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"0123456789"}


def test_a_link_left_under_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "victim").write_bytes(b"mine")
    monkeypatch.setattr("charloop.files.atomic.secrets.token_hex", lambda _: "0" * 16)
    (tmp_path / f".file.{'0' * 16}.charloop").symlink_to("victim")
    with pytest.raises(FileExistsError):
        write_beside(tmp_path / "file", lambda file: file.write(b"new"))
    assert (tmp_path / "victim").read_bytes() == b"mine"
