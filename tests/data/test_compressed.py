"""Compressed files are read as the texts in them; documents that are no plain text are named with what to do."""

import bz2
import gzip
import lzma
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from charloop.data import compressed, load_corpus
from charloop.data.finding import find_sources
from charloop.errors import CharloopError
from charloop.wording import number_that

TEXT = "Es war einmal ein Mädchen.\n" * 3000
COMPRESS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_is_the_text_in_it(suffix: str) -> None:
    Path("book.txt").write_text(TEXT, encoding="utf-8")
    path = Path(f"book.txt{suffix}")
    path.write_bytes(COMPRESS[suffix](TEXT.encode()))
    plain, corpus = load_corpus("book.txt"), load_corpus(path)
    assert corpus.vocabulary.decode(corpus.tokens) == TEXT
    assert corpus.content_hash == plain.content_hash
    assert corpus.suggested_name == "book"
    assert load_corpus(path, encoding="auto").content_hash == plain.content_hash
    raw = load_corpus(path, unit="byte")
    assert bytes(raw.tokens) == path.read_bytes(), "bytes are read as they stand"


@pytest.mark.parametrize("name", ["book.txt.gz", "works.zip"])
def test_it_is_decompressed_once_where_a_text_is_read_once(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("book.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    with zipfile.ZipFile("works.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("book.txt", TEXT)
    sizes, read = [], compressed._Decompressed.read

    def counted(stream: compressed._Decompressed, size: int = -1) -> bytes:
        block = read(stream, size)
        sizes.append(len(block))
        return block

    found = find_sources([name], encoding="utf-8", unit="char", cache=Path("unused"))
    monkeypatch.setattr(compressed._Decompressed, "read", counted)
    load_corpus(found)
    assert sum(sizes) == len(TEXT.encode())
    load_corpus(found)
    assert sum(sizes) == 2 * len(TEXT.encode()), "to know that it is the same"


def test_a_file_that_grows_meanwhile_is_refused() -> None:
    Path("book.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    found = find_sources(["book.txt.gz"], encoding="utf-8", unit="char", cache=Path("unused"))
    sizes = iter([100, 101])
    changing = replace(found.sources[0], packed_size=lambda: next(sizes))
    with pytest.raises(CharloopError, match=r"book.txt.gz changed while it was read"):
        load_corpus(replace(found, sources=(changing,)))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_damaged_file_is_refused_in_one_line(suffix: str) -> None:
    path, whole = Path(f"book.txt{suffix}"), COMPRESS[suffix](TEXT.encode())
    for content in (whole[:-20], TEXT.encode()):
        path.write_bytes(content)
        with pytest.raises(CharloopError, match=f"cannot read book.txt{suffix}"):
            load_corpus(path)


def test_the_members_of_a_zip_are_files() -> None:
    with zipfile.ZipFile("works.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("late")
        for name in ("late/b.txt", "a.txt", "__MACOSX/a.txt", "late/.hidden"):
            archive.writestr(name, name)
        archive.writestr("picture.png", b"\x89PNG\0\0")
    found = find_sources(["works.zip"], encoding="utf-8", unit="char", cache=Path("unused"))
    assert [source.name for source in found.sources] == ["works.zip/a.txt", "works.zip/late/b.txt"]
    assert [source.size() for source in found.sources] == [5, 10]
    assert found.notes == ("skipped 1 file that is not text: works.zip/picture.png",)
    assert (found.description, found.suggested_name) == ("2 files in works.zip", "works")
    corpus = load_corpus("works.zip", documents="file")
    assert corpus.vocabulary.decode(corpus.tokens) == "\na.txt\nlate/b.txt\n"
    with zipfile.ZipFile("empty.zip", "w"):
        pass
    with pytest.raises(CharloopError, match=r"a zip without text: got 'empty.zip'"):
        load_corpus("empty.zip")
    Path("bad.zip").write_bytes(b"PK no zip")
    with pytest.raises(CharloopError, match=r"cannot read bad.zip"):
        load_corpus("bad.zip")


def test_a_folder_reads_compressed_files_among_others() -> None:
    Path("f").mkdir()
    Path("f/a.txt").write_text("aa\n")
    Path("f/b.txt.gz").write_bytes(gzip.compress(b"bb\n"))
    Path("f/c.txt.gz").write_bytes(b"no gzip")
    Path("f/d.pdf").write_bytes(b"%PDF-1.7")
    corpus = load_corpus("f")
    assert corpus.vocabulary.decode(corpus.tokens) == "aa\nbb\n"
    assert corpus.notes == ("skipped 2 files that are not text: f/c.txt.gz, f/d.pdf",)


@pytest.mark.parametrize("library", ["compression.zstd", "zstandard"])
def test_zstandard_is_read_by_the_library_that_is_there(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    stand_in = SimpleNamespace(open=gzip.GzipFile)
    monkeypatch.setitem(sys.modules, "compression", ModuleType("compression"))
    monkeypatch.setitem(sys.modules, library, stand_in)
    Path("book.txt.zst").write_bytes(gzip.compress(TEXT.encode()))
    corpus = load_corpus("book.txt.zst")
    assert corpus.vocabulary.decode(corpus.tokens) == TEXT


def test_zstandard_without_a_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    Path("book.txt.zst").write_bytes(b"(\xb5/\xfd")
    with pytest.raises(CharloopError, match=r"pip install zstandard, or decompress it: zstd -d book.txt.zst"):
        load_corpus("book.txt.zst")


@pytest.mark.parametrize(
    ("name", "begins"), [("a.pdf", b"%PDF-1"), ("a.docx", b"PK"), ("a.epub", b"PK"), ("a.odt", b"PK")]
)
def test_a_document_that_is_not_text_is_named_with_what_to_do(name: str, begins: bytes) -> None:
    Path(name).write_bytes(begins + b"\x03\x04\0\xff")
    kind = name.partition(".")[2]
    with pytest.raises(
        CharloopError, match=rf"{name} is not plain text \({kind}\); make a text of it first: p"
    ):
        load_corpus(name)
    Path(name).write_text("plain text all the same\n")
    assert len(load_corpus(name).tokens) == 24


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz"])
def test_an_archive_is_named_with_what_to_do(ending: str) -> None:
    Path("a.txt").write_text(TEXT, encoding="utf-8")
    names = [f"a.tar{ending}", *([f"a.t{ending[1]}z"] if ending else [])]
    for name in names:
        with tarfile.open(name, f"w:{ending[1:]}") as archive:
            archive.add("a.txt")
        with pytest.raises(
            CharloopError, match=f"{name} is an archive of files; unpack it, and name the folder"
        ):
            load_corpus(name)
    (note,) = load_corpus(".").notes
    shown = ", ".join(f"./{name}" for name in sorted(names))
    assert note == f"skipped {number_that(len(names), 'file', 'not text')}: {shown}"
    Path("a.tar").write_text("plain text all the same\n")
    assert len(load_corpus("a.tar").tokens) == 24
