"""The parts of a compressor that need no network: the coder, the rest that a network does not know, the container."""

import io
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charloop.compression.coder import Decoder, Encoder
from charloop.compression.container import Block, Reader, make_end, write_block, write_header
from charloop.compression.encoding import read_block
from charloop.compression.rows import choose_rows, count_active, cut_rows
from charloop.compression.text import divide, unite
from charloop.data import Vocabulary
from refusing import refused

KNOWN = Vocabulary.of_text("abc é\n\U0001f600")


def code(probabilities: np.ndarray, symbols: np.ndarray) -> bytes:
    encoder = Encoder()
    for row, symbol in enumerate(symbols):
        encoder.encode(symbols[row : row + 1], probabilities[row : row + 1])
        assert symbol >= 0
    return encoder.finish()


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(2, 70), st.floats(0, 40), st.integers(0, 2**32 - 1))
def test_the_coder_gives_symbols_back_and_takes_what_they_cost(
    count: int, size: int, scale: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    powers = np.exp(random.normal(size=(count, size)).clip(-2, 2) * scale)
    shares = (powers / powers.sum(1, keepdims=True)).astype(np.float32)
    symbols = np.where(random.random(count) < 0.5, shares.argmax(1), random.integers(0, size, count))
    content = code(shares, symbols)
    assert Decoder(content).decode(shares).tolist() == symbols.tolist()
    bits = -np.log2(np.maximum(shares[np.arange(count), symbols], 2.0**-24))
    assert len(content) * 8 <= bits.sum() + 64 + count * size / 2**20
    single = Decoder(content)
    assert [single.decode(row[None]).item() for row in shares] == symbols.tolist()


def test_without_constriction_there_is_a_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "constriction", None)
    with refused("need constriction", do="pip install 'charloop[compress]'"):
        Encoder()


PIECES = st.lists(
    st.sampled_from([b"abc", b"\n", b"\r\n", b"\r", b"\0", b"\xef\xbb\xbf", "é".encode(), b"\xc3"])
)


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.binary(max_size=60), PIECES.map(b"".join)))
@example("\U0001f600é\ud800".encode("utf-8", "surrogatepass"))
@example(b"a\r\nb\r\n")
@example(b"a\r\nb\n\r")
def test_any_bytes_come_back_from_their_parts(block: bytes) -> None:
    for vocabulary in (KNOWN, Vocabulary.of_bytes(), Vocabulary.of_text("a")):
        parts = divide(block, vocabulary)
        assert ((parts.tokens >= 0) & (parts.tokens < vocabulary.size)).all()
        assert unite(parts, vocabulary) == block


def test_a_known_text_has_no_rest_and_line_ends_are_lf() -> None:
    parts = divide("a\r\né\r\n".encode(), KNOWN)
    assert parts.crlf
    assert not parts.rest
    assert parts.tokens.tolist() == KNOWN.encode("a\né\n").tolist()
    assert divide(b"a\r\nb\n", KNOWN).rest


@pytest.mark.parametrize(("tokens", "rows"), [(1, 1), (1, 4), (5, 4), (8, 4), (9, 4), (10, 8), (17, 8)])
def test_rows_are_contiguous_and_the_active_ones_come_first(tokens: int, rows: int) -> None:
    columns = cut_rows(np.arange(1, tokens + 1), rows)
    for index, column in enumerate(columns):
        active = count_active(tokens, rows, index)
        assert (column[:active] > 0).all()
        assert (column[active:] == 0).all()
    assert columns.T.reshape(-1)[:tokens].tolist() == list(range(1, tokens + 1))


def test_rows_grow_with_the_text() -> None:
    assert [choose_rows(size) for size in (0, 1, 16_383, 16_384, 4 << 20)] == [1, 1, 1, 2, 128]


def test_a_block_does_not_end_between_cr_and_lf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.compression.encoding.BLOCK", 3)
    source = io.BytesIO(b"ab\r\ncdefg")
    assert [read_block(source) for _ in range(4)] == [b"ab\r\n", b"cde", b"fg", b""]


def read_all(content: bytes) -> list[object]:
    reader = Reader(io.BytesIO(content), "x.clz")
    found: list[object] = [reader.header()]
    while (block := reader.block()).size:
        found.append(block)
    return [*found, reader.end(block)]


def test_a_container_with_a_byte_changed_cut_or_added_is_refused_everywhere() -> None:
    file = io.BytesIO()
    blocks = [Block(9, 7, b"rest", b"coded", True), Block(1, 0, b"", b"", False)]
    sizes = [write_header(file, {"rows": 1}), *(write_block(file, block) for block in blocks)]
    sizes.append(write_block(file, make_end(10, b"d" * 32)))
    content = file.getvalue()
    assert sum(sizes) == len(content)
    assert read_all(content) == [{"rows": 1}, *blocks, (10, b"d" * 32)]
    for index in range(len(content)):
        for change in (1, 128):
            with refused(""):
                read_all(content[:index] + bytes([content[index] ^ change]) + content[index + 1 :])
        with refused(""):
            read_all(content[:index])
    with refused("damaged"):
        read_all(content + b"\0")
    with refused("is not a file that charloop compressed"):
        read_all(b"PK\3\4")
