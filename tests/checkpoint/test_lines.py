"""Complete lines are appended, and cut back for a resumed run: reading from the end gives the same as reading all."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from charloop.checkpoint import append_line, cut_after, lines
from charloop.checkpoint.lines import read_lines
from charloop.errors import CharloopError

PIECES = some.lists(
    some.sampled_from([b"1\n", b"12\n", b"3\n", b"no\n", b"\n", b"\0\0\n", b"2", b"nonsense " * 9])
)


def wanted(line: bytes) -> bool:
    return line.endswith(b"\n") and line.strip().isdigit() and int(line) < 3


@settings(max_examples=300, deadline=None)
@given(PIECES, some.integers(1, 40))
def test_what_stands_behind_the_last_wanted_line_is_cut(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], block: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    content = b"".join(pieces)
    path.write_bytes(content)
    before, lines.BLOCK = lines.BLOCK, block
    try:
        last = cut_after(path, wanted)
    finally:
        lines.BLOCK = before
    kept = content.splitlines(keepends=True)
    while kept and not wanted(kept[-1]):
        kept.pop()
    assert path.read_bytes() == b"".join(kept)
    assert last == (kept[-1] if kept else b"")


def test_lines_that_are_all_wanted_are_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append_line(tmp_path / "file", b"1\n2\n")
    monkeypatch.setattr(os, "truncate", None)
    assert cut_after(tmp_path / "file", wanted) == b"2\n"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear\n")
    (tmp_path / "metrics.jsonl").symlink_to(tmp_path / "letter")
    with pytest.raises(CharloopError, match=r"cannot write .*metrics\.jsonl"):
        append_line(tmp_path / "metrics.jsonl", b"1\n")
    assert (tmp_path / "letter").read_text() == "dear\n"


def test_a_hole_behind_the_lines_is_not_read_to_its_end(tmp_path: Path) -> None:
    append_line(tmp_path / "file", b"1\n2\n")
    os.truncate(tmp_path / "file", 1 << 42)
    with pytest.raises(CharloopError, match="a line of more than 1 MB"):
        cut_after(tmp_path / "file", wanted)
    assert (tmp_path / "file").stat().st_size == 1 << 42
    with pytest.raises(OSError, match="a line of more than 1 MB"):
        list(read_lines(tmp_path / "file"))


def test_lines_are_read_from_a_file_and_from_nothing_else(tmp_path: Path) -> None:
    append_line(tmp_path / "file", b"1\n2")
    assert list(read_lines(tmp_path / "file")) == [b"1\n", b"2"]
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a file"):
            list(read_lines(name))
