"""Changed content: cut, flipped, spliced, of another kind, or with a wrong length."""

import gzip
import pickle
import random
import struct
from collections.abc import Callable

PICKLE = pickle.dumps(ValueError("this must never be loaded"))
FOREIGN = {
    "nothing": b"",
    "a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40),
    "gzip": gzip.compress(b"some text" * 9, mtime=0),
    "a zip": b"PK\x03\x04" + bytes(60),
    "a pickle": PICKLE,
    "zeros": bytes(4096),
    "ones": b"\xff" * 300,
    "UTF-16": "a text of some length\n".encode("utf-16"),
    "one open bracket after the other": b"[" * 60_000,
    "one section in the other": b'{"a":' * 60_000,
    "a number without end": b"9" * 30_000,
    "JSON with such a number": b'{"format": ' + b"9" * 6_000 + b"}",
    "a line without end": b"x" * 300_000,
    "an empty object": b"{}",
    "null": b"null",
    "a list": b"[1, 2]",
    "half a character": b"caf\xc3",
    "surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "a key twice": b'{"format": 1, "format": 1}',
}


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def flip(content: bytes, chance: random.Random) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8)) if content else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(content: bytes, chance: random.Random) -> bytes:
    """Replace a few consecutive bytes by random ones, or by copies of one byte."""
    position, length = chance.randrange(len(content) + 1), chance.choice((1, 2, 8, 64))
    new = chance.choice(
        (chance.randbytes(length), b"\0" * length, b"\xff" * length, b'"' * length, b"9" * length)
    )
    return content[:position] + new + content[position + length :]


def insert(content: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(content) + 1)
    new = chance.choice(
        (b"\0", b"\n", b"\r\n", b"\xef\xbb\xbf", b"{", b"]", b",", b"\x1b[2J", b"\xf4\x90\x80\x80")
    )
    return content[:position] + new * chance.choice((1, 1, 100)) + content[position:]


def repeat(content: bytes, chance: random.Random) -> bytes:
    """Repeat a part."""
    start, end = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return content[:end] + content[start:]


def lie(content: bytes, chance: random.Random) -> bytes:
    """Change the length in front of a safetensors header."""
    true = struct.unpack("<Q", content[:8].ljust(8, b"\0"))[0]
    claims = (0, 1, 2, true - 1, true + 1, true + 8, 100 << 20, 2**31, 2**32, 2**60, 2**63, 2**64 - 1)
    return struct.pack("<Q", max(0, chance.choice(claims)) & (2**64 - 1)) + content[8:]


MUTATORS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    f.__name__: f for f in (cut, flip, overwrite, insert, repeat, lie)
}


def splice(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """Join the beginning of one and the end of the other."""
    return cut(content, chance) + other[chance.randrange(len(other) + 1) :]


def mutate(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    """Change `content` one to three times; return it, and how it was changed."""
    names = chance.choices(list(MUTATORS), k=chance.choice((1, 1, 1, 2, 3)))
    for name in names:
        content = MUTATORS[name](content, chance)
    return content, ", ".join(names)
