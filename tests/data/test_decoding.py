"""Bytes to characters: the same for blocks of any size, with exact positions of errors."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data.decoding import TextChanges, check_encoding, decode
from charloop.data.sources import BLOCK_BYTES, Source
from charloop.errors import CharloopError


def source(content: bytes) -> Source:
    return Source("book.txt", lambda: io.BytesIO(content))


def text_of(content: bytes, encoding: str = "utf-8", block_bytes: int = BLOCK_BYTES) -> str:
    return "".join(decode(source(content), encoding, block_bytes=block_bytes))


LINES = st.lists(
    st.sampled_from(["a", "é", "€", "\U0001f600", "\r", "\n", "\r\n", "\ufeff"]), max_size=30
).map("".join)


@given(LINES, st.integers(1, 7), st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-32"]))
def test_blocks_of_any_size_give_the_same_text_and_counts(text: str, size: int, encoding: str) -> None:
    content, changes = text.encode(encoding), TextChanges()
    decoded = "".join(decode(source(content), encoding, changes=changes, block_bytes=size))
    marks = int(content.decode(encoding).startswith("\ufeff"))
    assert decoded == text[marks:].replace("\r\n", "\n").replace("\r", "\n")
    crlf = text.count("\r\n")
    assert (changes.crlf, changes.bare_cr, changes.byte_order_marks) == (crlf, text.count("\r") - crlf, marks)


def test_bare_carriage_returns_are_line_ends() -> None:
    assert text_of(b"To be,\ror not to be\r") == "To be,\nor not to be\n"


def test_only_changes_are_reported() -> None:
    changes = TextChanges()
    assert "".join(decode(source(b"\xef\xbb\xbfa\r\nb\rc\r\n"), changes=changes)) == "a\nb\nc\n"
    assert changes.notes() == (
        "normalised 2 CRLF line ends to LF",
        "normalised 1 bare CR line end to LF",
        "dropped 1 byte order mark",
    )
    assert TextChanges().notes() == ()


@given(st.integers(0, 40), st.integers(1, 9))
def test_invalid_bytes_are_refused_with_line_and_offset(lines: int, size: int) -> None:
    before = "é\r\n".encode() * lines + b"ab"
    with pytest.raises(CharloopError) as refused:
        list(decode(source(before + b"\xe9 bad"), block_bytes=size))
    message = str(refused.value)
    assert f"book.txt, line {lines + 1}, byte offset {len(before)}: byte 0xe9 is not utf-8" in message
    assert "--encoding latin-1" in message
    assert "--unit byte" in message


def test_a_file_that_ends_within_a_character() -> None:
    with pytest.raises(CharloopError, match="line 2, byte offset 3"):
        text_of("ab\n€".encode()[:-1])


def test_invalid_bytes_far_into_a_file_have_the_right_position() -> None:
    before = b"abc\n" * (BLOCK_BYTES // 2)
    with pytest.raises(
        CharloopError, match=f"line {BLOCK_BYTES // 2 + 1}, byte offset {len(before)}: byte 0xff"
    ):
        text_of(before + b"\xff" + b"\n" * BLOCK_BYTES)


def test_another_encoding_reads_what_utf_8_cannot() -> None:
    assert text_of("café".encode("latin-1"), "latin-1") == "café"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_utf_16_gets_a_hint(encoding: str) -> None:
    with pytest.raises(CharloopError, match="utf-16"):
        text_of("plain text".encode(encoding))


def test_a_utf_16_mark_names_the_encoding() -> None:
    for encoding in ("utf-8", "latin-1"):
        with pytest.raises(CharloopError, match="--encoding utf-16"):
            text_of("plain".encode("utf-16"), encoding)


def test_a_binary_file_is_not_a_text() -> None:
    with pytest.raises(CharloopError, match=r"book.txt is a binary file.*--unit byte"):
        text_of(b"\x7fELF\x00\x01")


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "base64", "undefined", ""])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(CharloopError, match="unknown encoding"):
        check_encoding(encoding)


def test_known_encodings_pass() -> None:
    for encoding in ("utf-8", "latin-1", "utf-16", "cp1252", "shift_jis"):
        check_encoding(encoding)


@pytest.mark.parametrize("encoding", ["a\0b", "rot13", "", "x" * 500])
def test_encodings_that_cannot_decode_text_are_refused(encoding: str) -> None:
    with pytest.raises(CharloopError, match="unknown encoding"):
        check_encoding(encoding)


@pytest.mark.parametrize("errors", ["strict", "replace"])
def test_an_encoding_that_cannot_replace_is_refused_in_a_line(errors: str) -> None:
    with pytest.raises(CharloopError, match=r"book\.txt, line \d, byte offset \d+: .* is not idna"):
        list(decode(source(b"a\n\xff\xfeb."), "idna", errors=errors))
