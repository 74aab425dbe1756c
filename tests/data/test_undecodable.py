"""What is not text is refused in one line that says what it is, and what to do."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest

from charloop.data import load_corpus
from charloop.errors import CharloopError
from charloop.given import Fields

TEXT = "Es war einmal ein Mädchen.\n" * 3
CSV = "name,lang\nab,x\nba,y\n"


def packed(kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("a.txt", TEXT)
    else:
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("a.txt"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "what", "do"),
    [
        (gzip.compress(TEXT.encode()), "compressed (gzip)", "gzip -dc FILE | charloop train -"),
        (bz2.compress(TEXT.encode()), "compressed (bzip2)", "bzip2 -dc FILE"),
        (lzma.compress(TEXT.encode()), "compressed (xz)", "xz -dc FILE"),
        (lzma.compress(TEXT.encode(), lzma.FORMAT_ALONE), "compressed (lzma)", "xz -dc FILE"),
        (packed("zip"), "compressed (zip)", "unzip -p FILE"),
        (packed("tar"), "an archive (tar)", "unpack it"),
    ],
)  # fmt: skip
def test_a_compressed_file_under_another_name_is_known_by_its_beginning(
    tmp_path: Path, content: bytes, what: str, do: str
) -> None:
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
