"""What is not text is refused in one line that says what it is, and what to do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from charloop.data import load_corpus
from charloop.errors import CharloopError
from charloop.given import Fields

TEXT = "Es war einmal ein Mädchen.\n" * 3
CSV = "name,lang\nab,x\nba,y\n"


def zipped(content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", content)
    return stream.getvalue()


def tarred(content: bytes) -> bytes:
    stream, member = io.BytesIO(), tarfile.TarInfo("a.txt")
    member.size = len(content)
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


# Packed inside the test: some of these hold the time, so that as parameters they would name a test anew each second.
PACKED: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "gzip": (gzip.compress, "compressed (gzip)", "gzip -dc FILE | charloop train -"),
    "bzip2": (bz2.compress, "compressed (bzip2)", "bzip2 -dc FILE"),
    "xz": (lzma.compress, "compressed (xz)", "xz -dc FILE"),
    "lzma": (lambda content: lzma.compress(content, lzma.FORMAT_ALONE), "compressed (lzma)", "xz -dc FILE"),
    "zip": (zipped, "compressed (zip)", "unzip -p FILE"),
    "tar": (tarred, "an archive (tar)", "unpack it"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_compressed_file_under_another_name_is_known_by_its_beginning(tmp_path: Path, kind: str) -> None:
    pack, what, do = PACKED[kind]
    content = pack(TEXT.encode())
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(CharloopError) as caught:
        load_corpus(tmp_path / "a.txt")
    assert f"a.txt is {what}; " in str(caught.value)
    assert do in str(caught.value)
    assert bytes(load_corpus(tmp_path / "a.txt", unit="byte").tokens) == content


def test_a_text_that_begins_as_one_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("BZh and PK and Rar!\n")
    assert len(load_corpus(tmp_path / "a.txt").tokens) == 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_named_however_the_text_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV, encoding=encoding)
    for options, advice in (
        ({"unit": "byte", "fields": Fields("name")}, f"iconv -f {encoding} -t utf-8"),
        ({}, encoding),
        ({"encoding": "ascii"}, encoding),
    ):
        with pytest.raises(CharloopError) as caught:
            load_corpus(path, **options)  # type: ignore[arg-type]
        assert advice in (caught.value.do or ""), options
    read = load_corpus(path, fields=Fields("name", "lang"), encoding=encoding)
    assert read.vocabulary.symbols == ("a", "b")
