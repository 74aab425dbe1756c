"""Bytes as characters, one by one, where some may be part of none."""

from collections.abc import Iterator

FOREIGN = range(0xDC80, 0xDD00)
"""What Python's surrogateescape makes of the bytes 80 to ff where they are no character."""


def code_points(raw: bytes) -> str:
    """A code point for each character of UTF-8, and one of `FOREIGN` for each byte that is part of none."""
    return raw.decode("utf-8", "surrogateescape")


def width(character: str) -> int:
    """Bytes that one of `code_points` stands for."""
    return 1 if ord(character) in FOREIGN else len(character.encode())


def byte_of(character: str) -> int:
    """The byte that one of `FOREIGN` stands for."""
    return ord(character) - FOREIGN.start + 0x80


def foreign(byte: int) -> str:
    """One of `FOREIGN`, for a byte from 80 on."""
    return chr(byte - 0x80 + FOREIGN.start)


def sized(raw: bytes) -> Iterator[tuple[str, int]]:
    """Each of `code_points`, with its `width`."""
    yield from ((character, width(character)) for character in code_points(raw))
