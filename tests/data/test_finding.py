"""From names to sources: files, folders, globs, several, standard input; and the error if nothing is found."""

import io
import os
import threading
from pathlib import Path

import pytest

from charloop.data.finding import FoundText, find_sources, refuse_streams
from charloop.errors import CharloopError


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def look(*sources: str, unit: str = "char", encoding: str = "utf-8") -> FoundText:
    return find_sources(sources, encoding=encoding, unit=unit, cache=Path("unused"))  # type: ignore[arg-type]


def contents(found: FoundText) -> list[bytes]:
    return [b"".join(source.blocks()) for source in found.sources]


def poems() -> None:
    os.makedirs("poems/late")
    os.makedirs("poems/.git")
    for name, text in {
        "b.txt": b"bb",
        "a.txt": b"aa",
        "late/c.md": b"cc",
        ".git/config": b"x",
        ".hidden": b"y",
    }.items():
        Path("poems", name).write_bytes(text)
    Path("poems/picture.png").write_bytes(b"\x89PNG\x00\x00")


def test_a_file() -> None:
    Path("My book.txt").write_text("text")
    found = look("My book.txt")
    assert contents(found) == [b"text"]
    assert (found.description, found.suggested_name, found.notes) == ("My book.txt", "My-book", ())


def test_a_folder_is_read_in_order_and_tells_what_it_skipped() -> None:
    poems()
    found = look("poems")
    assert contents(found) == [b"aa", b"bb", b"cc"]
    assert (found.description, found.suggested_name) == ("3 files in poems/", "poems")
    assert found.notes == (
        "skipped 2 hidden files and folders in poems/",
        "skipped 1 file that is not text: poems/picture.png",
    )


def test_a_folder_of_bytes_has_all_files_that_are_not_hidden() -> None:
    poems()
    assert contents(look("poems", unit="byte")) == [b"aa", b"bb", b"cc", b"\x89PNG\x00\x00"]


def test_a_character_cut_by_the_sniffed_block_does_not_skip_the_file() -> None:
    Path("f").mkdir()
    Path("f/long.txt").write_bytes(b"a" * (2**16 - 1) + "é".encode())
    assert len(look("f").sources) == 1


def test_a_folder_without_text() -> None:
    Path("empty").mkdir()
    with pytest.raises(CharloopError, match="a folder without text: got 'empty'"):
        look("empty")
    Path("empty/picture.png").write_bytes(b"\x89PNG\x00")
    with pytest.raises(CharloopError, match=r"not text: empty/picture.png"):
        look("empty")


def test_globs() -> None:
    poems()
    found = look("poems/*.txt")
    assert contents(found) == [b"aa", b"bb"]
    assert found.description == "2 files matching poems/*.txt"
    assert contents(look("poems/**/*.md")) == [b"cc"]
    assert contents(look("poems/l*")) == contents(look("poems/late/**")) == [b"cc"]
    with pytest.raises(CharloopError, match="no file matches"):
        look("poems/*.pdf")


def test_a_file_whose_name_looks_like_a_glob() -> None:
    Path("a[1].txt").write_text("itself")
    Path("a1.txt").write_text("other")
    assert contents(look("a[1].txt")) == [b"itself"]


def test_several_sources_keep_their_order() -> None:
    for name in ("z.txt", "a.txt"):
        Path(name).write_text(name)
    found = look("z.txt", "a.txt")
    assert contents(found) == [b"z.txt", b"a.txt"]
    assert (found.description, found.suggested_name) == ("z.txt and 1 more", "z-and-1-more")


class Stdin:
    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


def test_standard_input_can_be_read_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(b"piped"))
    found = look("-")
    assert contents(found) == contents(found) == [b"piped"]
    assert (found.description, found.suggested_name) == ("standard input", "stdin")
    with pytest.raises(CharloopError, match="only once"):
        look("-", "-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_can_be_read_again_and_again() -> None:
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(b"from a pipe"))
    writer.start()
    found = look("pipe")
    writer.join()
    assert contents(found) == contents(found) == [b"from a pipe"]


def test_a_missing_path_names_what_is_nearby() -> None:
    Path("book.txt").write_text("text")
    with pytest.raises(CharloopError) as refused:
        look("bok.txt")
    assert "no such file, folder or corpus: got 'bok.txt'" in str(refused.value)
    assert "did you mean 'book.txt'?" in str(refused.value)
    assert "shakespeare, tinyshakespeare, python, python-functions, names" in str(refused.value)
    with pytest.raises(CharloopError, match="did you mean 'shakespeare'"):
        look("shakespere")
    with pytest.raises(CharloopError, match="and no folder nowhere"):
        look("nowhere/book.txt")


def test_a_path_precedes_a_corpus_only_if_it_exists_as_given() -> None:
    assert look("python").description == "python"
    with pytest.raises(CharloopError, match="no such file"):
        look("./python")
    Path("python").write_text("my own notes")
    assert contents(look("python")) == contents(look("./python")) == [b"my own notes"]


@pytest.mark.parametrize("sources", [(), ("",)])
def test_no_sources_are_refused(sources: tuple[str, ...]) -> None:
    with pytest.raises(CharloopError, match="no text was named"):
        look(*sources)


def test_an_unreadable_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("book.txt").write_text("text")
    found = look("book.txt")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CharloopError, match=r"cannot read book.txt; Permission denied"):
        contents(found)


def test_a_dangling_link_is_refused() -> None:
    Path("link").symlink_to("gone")
    with pytest.raises(CharloopError, match="cannot read link"):
        look("link")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_a_device_is_not_a_text(device: str) -> None:
    """It would be copied until the disk were full."""
    Path("link").symlink_to(device)
    for name in (device, "link"):
        with pytest.raises(CharloopError, match=f"{name} is a device, not a text; give a file"):
            look(name)


@pytest.mark.parametrize("pattern", ["*", "**"])
def test_a_pattern_never_waits_for_a_pipe(pattern: str) -> None:
    os.mkfifo("pipe")
    Path("zero.txt").symlink_to("/dev/zero")
    Path("a.txt").write_text("aa")
    assert contents(look(pattern)) == [b"aa"]


def test_a_pipe_found_in_a_folder_is_refused() -> None:
    os.mkfifo("pipe")
    Path("a.txt").write_text("aa")
    refuse_streams(["a.txt", ".", "nowhere", "-", "shakespeare", "a\0b", "\ud800"])
    for name in ("pipe", "/dev/zero"):
        with pytest.raises(CharloopError, match=f"the text {name} is a pipe or a device"):
            refuse_streams(["a.txt", name])
