"""The form of a compressed file: a header, blocks, and an end with the hash of the original; each has a checksum."""

import json
import struct
import zlib
from typing import Any, BinaryIO, NamedTuple

from charloop.errors import CharloopError

MAGIC = b"\x89clz\x01"
"""The first bytes of each file; the last of them is the version of the form."""
BLOCK = 4 << 20
"""Bytes of the original in each block but the last, or one more."""
MAX_HEADER, MAX_PART = 1 << 20, 1 << 27
"""Bytes of a header, and of a part of a block: more is damage."""
COMMON = (
    b'{"rows":128,"probe":"","machine":{"charloop":"0.1.0","constriction":"0.5.0","jax":"0.10.2","jaxlib":"0.10.2",'
    b'"llvmlite":"0.50.0","numpy":"2.4.6","device":"AMD EPYC","processor":"","cores":2,"system":"Linux x86_64",'
    b'"xla_flags":""},"facts":{"scratch":{"hidden_size":256,"num_layers":1,"embed_size":64,"rate":0.004,"segment":16,'
    b'"min_row":50000},"network":"","engine":"Kernels","start":[0,0],"dynamic":{"dynamic_rate":0.3,"dynamic_decay":0.003,'
    b'"dynamic_epsilon":0.01,"dynamic_segment":20,"dynamic_rows":1},"scales":""},"notes":{"run":"runs/","weights":"best"}}'
)
"""What most headers contain: zlib refers to it, which saves 200 bytes. Part of the form: it must not change."""
_LENGTHS = struct.Struct("<IIII?")
_END = struct.Struct("<Q32s")


class Block(NamedTuple):
    """A block of the original, compressed."""

    size: int
    """Bytes of the original; 0: the end, whose `coded` is the size and the sha256 of the whole original."""
    tokens: int
    rest: bytes
    coded: bytes
    crlf: bool


class Reader:
    """Reads a compressed file. All methods raise CharloopError where it is cut short, damaged or foreign."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name

    def header(self) -> dict[str, Any]:
        """Return the header."""
        magic = self._file.read(len(MAGIC))
        if magic[:-1] != MAGIC[:-1]:
            raise CharloopError(
                f"{self._name} is not a file that charloop compressed",
                do="name one that `charloop compress` wrote",
            )
        if magic != MAGIC:
            do = "update charloop"
            raise CharloopError(f"{self._name}: version of the form", got=magic[-1], allowed="1", do=do)
        size = int.from_bytes(self._exactly(4), "little")
        if size > MAX_HEADER:
            raise self.damaged()
        content = self._exactly(size)
        self._check(zlib.crc32(content))
        found: dict[str, Any] = json.loads(zlib.decompressobj(zdict=COMMON).decompress(content, MAX_HEADER))
        return found

    def block(self) -> Block:
        """Return the next block."""
        lengths = self._exactly(_LENGTHS.size)
        size, tokens, rest, coded, crlf = _LENGTHS.unpack(lengths)
        if max(tokens, size) > BLOCK + 1 or max(rest, coded) > MAX_PART:
            raise self.damaged()
        content = self._exactly(rest + coded)
        self._check(zlib.crc32(content, zlib.crc32(lengths)))
        return Block(size, tokens, content[:rest], content[rest:], crlf)

    def end(self, block: Block) -> tuple[int, bytes]:
        """Return the size and the sha256 of the original. Nothing may follow."""
        if len(block.coded) != _END.size or self._file.read(1):
            raise self.damaged()
        size, digest = _END.unpack(block.coded)
        return size, digest

    def damaged(self) -> CharloopError:
        """Return the error for a file that differs from what was written."""
        return CharloopError(f"{self._name} is damaged, or cut short", do="copy it again from an intact copy")

    def _exactly(self, size: int) -> bytes:
        content = self._file.read(size)
        if len(content) < size:
            raise self.damaged()
        return content

    def _check(self, checksum: int) -> None:
        if int.from_bytes(self._exactly(4), "little") != checksum:
            raise self.damaged()


def write_header(file: BinaryIO, values: dict[str, Any]) -> int:
    """Write the beginning of a file; return its size."""
    packer = zlib.compressobj(9, zdict=COMMON)
    content = packer.compress(json.dumps(values, separators=(",", ":")).encode()) + packer.flush()
    checksum = zlib.crc32(content).to_bytes(4, "little")
    return file.write(MAGIC + len(content).to_bytes(4, "little") + content + checksum)


def write_block(file: BinaryIO, block: Block) -> int:
    """Write a block, or the end; return its size there."""
    lengths = _LENGTHS.pack(block.size, block.tokens, len(block.rest), len(block.coded), block.crlf)
    content = lengths + block.rest + block.coded
    return file.write(content + zlib.crc32(content).to_bytes(4, "little"))


def make_end(size: int, digest: bytes) -> Block:
    """Return the end of a file, whose original has that size and sha256."""
    return Block(0, 0, b"", _END.pack(size, digest), False)
