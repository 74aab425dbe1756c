"""--errors replace: what Python itself would read, each replacement counted, whatever the size of the blocks."""

import codecs
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.data import load_corpus
from charloop.data.decoding import TextChanges, decode
from charloop.data.sources import Source
from charloop.errors import CharloopError

PIECES = [
    b"a",
    "é".encode(),
    "€".encode(),
    "\ufffd".encode(),
    b"\xff",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f",
    b"\n",
]
BROKEN = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


def count_invalid(content: bytes, encoding: str) -> int:
    """Return how many errors Python's decoder finds in the whole."""
    offsets = []

    def note(error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        offsets.append(error.start)
        return "", error.end

    codecs.register_error("test-count", note)
    content.decode(encoding, "test-count")
    return len(offsets)


@settings(deadline=None)
@given(BROKEN, st.integers(1, 7), st.sampled_from(["utf-8", "ascii", "utf-16-le", "shift_jis"]))
def test_it_reads_what_python_reads_and_counts(content: bytes, size: int, encoding: str) -> None:
    expected = content.decode(encoding, "replace")
    if "\0" in expected or "\r" in expected or expected.startswith("\ufeff"):
        return
    changes, source = TextChanges(), Source("bad.txt", lambda: io.BytesIO(content))
    decoded = "".join(decode(source, encoding, errors="replace", changes=changes, block_bytes=size))
    assert decoded == expected
    assert changes.replaced == count_invalid(content, encoding)


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 9))
def test_the_first_replacement_is_reported_with_its_offset(before: int, size: int) -> None:
    content, changes = b"a" * before + "é".encode() + b"\xff and \xfe", TextChanges()
    list(
        decode(
            Source("bad.txt", lambda: io.BytesIO(content)),
            errors="replace",
            changes=changes,
            block_bytes=size,
        )
    )
    assert changes.notes() == (
        f"replaced 2 invalid byte sequences, the first in bad.txt at byte {before + 2}",
    )


def test_a_corpus_is_read_and_replacements_are_reported_cold_and_warm(tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(b"good \xff\xff bad\n")
    with pytest.raises(CharloopError, match=r"bad.txt, line 1, byte offset 5.*--errors replace"):
        load_corpus([str(path)])
    for _ in ("cold", "warm"):
        corpus = load_corpus([str(path)], errors="replace")
        assert corpus.vocabulary.decode(corpus.tokens) == "good \ufffd\ufffd bad\n"
        assert corpus.notes == (f"replaced 2 invalid byte sequences, the first in {path} at byte 5",)
    with pytest.raises(CharloopError, match="byte offset 5"):
        load_corpus([str(path)])  # what was kept for the lenient is not for the strict


def test_a_folder_reads_texts_with_invalid_bytes_and_skips_binary_files(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_bytes(b"good \xff bad\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\x00\x00")
    corpus = load_corpus([str(tmp_path)], errors="replace")
    assert corpus.description.startswith("1 file in")
    assert any("skipped 1 file " in note for note in corpus.notes)
    with pytest.raises(CharloopError, match="without text"):
        load_corpus([str(tmp_path)])


def test_the_thousandth_file_is_named_with_the_offset(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.txt").write_bytes(b"fine\n" * 20_000)
    bad = tmp_path / "17.txt"
    bad.write_bytes(b"fine\n" * 20_000 + b"\xe9\n")
    with pytest.raises(CharloopError) as refused:
        load_corpus([str(tmp_path)])
    assert f"{bad}, line 20001, byte offset 100000: byte 0xe9 is not utf-8" in str(refused.value)


@pytest.mark.parametrize(("encoding", "at"), [("utf-8", 4), ("utf-16-le", 6), ("utf-16", 8)])
def test_a_stray_nul_is_replaced_and_counted_like_any_other(tmp_path: Path, encoding: str, at: int) -> None:
    (tmp_path / "f").mkdir()
    path = tmp_path / "f" / "one.txt"
    path.write_bytes("née\0 text\n".encode(encoding))
    with pytest.raises(CharloopError, match="--errors replace"):
        load_corpus([str(path)], encoding=encoding)
    for name in (path, path.parent):
        corpus = load_corpus([str(name)], encoding=encoding, errors="replace")
        assert corpus.vocabulary.decode(corpus.tokens) == "née\ufffd text\n"
        assert corpus.notes == (f"replaced 1 invalid byte sequence, the first in {path} at byte {at}",)


def test_the_first_of_an_invalid_byte_and_a_nul_is_named() -> None:
    for content, first in ((b"a\xff\0", 1), (b"a\0\xff", 1), (b"\xc3\xa9\0", 2)):
        changes = TextChanges()
        list(
            decode(
                Source("bad", lambda content=content: io.BytesIO(content)), errors="replace", changes=changes
            )
        )
        assert changes.first_replaced == f"bad at byte {first}"
        assert changes.replaced == content.count(b"\xff") + content.count(b"\0")


def test_a_text_full_of_nuls_stays_binary() -> None:
    with pytest.raises(CharloopError, match="binary"):
        list(decode(Source("film", lambda: io.BytesIO(b"\x89PNG\0\0\0")), errors="replace"))
