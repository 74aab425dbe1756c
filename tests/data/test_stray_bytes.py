"""Bytes as characters: against Python's decoder, one length after the other."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from charloop.data.decoding import STRAY_BYTES, decode_utf8, stray_byte, stray_character, utf8_width

SNIPPETS = st.sampled_from(
    [b"a", "é".encode(), "日".encode(), "🙂".encode(), b"\xff", b"\x80", b"\xe2\x82", b"\xed\xa0\x80"]
)


def naive(raw: bytes) -> Iterator[tuple[str | int, int]]:
    """A character and its bytes, or a byte that is part of no character."""
    start = 0
    while start < len(raw):
        size = next((n for n in range(1, 5) if is_character(raw[start : start + n], n)), 0)
        yield (raw[start : start + size].decode() if size else raw[start]), size or 1
        start += size or 1


def is_character(raw: bytes, size: int) -> bool:
    try:
        return len(raw) == size and len(raw.decode()) == 1
    except UnicodeDecodeError:
        return False


@given(st.binary(max_size=12) | st.lists(SNIPPETS, max_size=6).map(b"".join))
def test_a_code_point_for_each_character_and_each_invalid_byte(raw: bytes) -> None:
    decoded = decode_utf8(raw)
    found = [(stray_byte(c) if ord(c) in STRAY_BYTES else c, utf8_width(c)) for c in decoded]
    assert found == list(naive(raw))


def test_an_invalid_byte_survives_encoding_and_decoding() -> None:
    assert [stray_byte(stray_character(byte)) for byte in range(0x80, 0x100)] == list(range(0x80, 0x100))
