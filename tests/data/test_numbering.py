"""Numbers in order of first occurrence, and their change to the sorted vocabulary's ids: against dictionaries."""

import hashlib
import tempfile
from itertools import accumulate
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.data.numbering import Numbering, code_points, narrow_code_points
from charloop.data.token_file import TokenFile
from charloop.data.tokenizing import dtype_of
from charloop.progress import Meter

TEXTS = st.lists(st.text(st.characters(), min_size=1), min_size=1, max_size=6)
MANY = [
    "".join(map(chr, range(0x20, 0x70))),
    "".join(map(chr, range(0xC0, 0x200))),
    "".join(map(chr, range(0x4E00, 0x4E00 + 20_000))),
    "".join(map(chr, range(0x20000, 0x20000 + 40_000))),
]
"""All of them need one, two, two and four bytes a number."""


def slowly(texts: list[str]) -> tuple[list[int], list[str]]:
    """Return each character's number, and the characters in the order of their numbers."""
    known: dict[str, int] = {}
    numbers = []
    for text in texts:
        for character in sorted(set(text) - known.keys()):
            known[character] = len(known)
        numbers += [known[character] for character in text]
    return numbers, list(known)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_a_character_gets_its_number_when_it_first_occurs(texts: list[str]) -> None:
    numbering = Numbering()
    numbers = [number for text in texts for number in numbering.number(text).tolist()]
    expected, known = slowly(texts)
    assert numbers == expected
    assert list(map(chr, numbering.codes)) == known


def test_numbers_grow_with_the_alphabet() -> None:
    numbering, sizes = Numbering(), []
    for text, count in zip(MANY, accumulate(map(len, MANY)), strict=True):
        assert numbering.number(text).tolist() == list(range(count - len(text), count))
        sizes.append(numbering.dtype.itemsize)
    assert sizes == [1, 2, 2, 2]
    assert numbering.number("".join(map(chr, range(0x30000, 0x30000 + 9_000)))).dtype == np.uint32
    assert numbering.number(MANY[0][::-1]).tolist() == list(range(len(MANY[0])))[::-1]


@pytest.mark.parametrize("count", [254, 255, 256, 257, 65_534, 65_535, 65_536])
def test_the_greatest_number_of_a_type_is_never_a_character(count: int) -> None:
    text = "".join(map(chr, range(0x10000, 0x10000 + count)))
    numbering = Numbering()
    assert numbering.number(text).tolist() == list(range(count))
    assert numbering.look_up("\ud800").tolist() == [numbering.missing]
    assert numbering.missing >= count


@settings(deadline=None)
@given(st.text(st.characters(), min_size=1), st.text(st.characters(), min_size=1))
def test_what_has_no_number_is_missing(known: str, text: str) -> None:
    symbols = sorted(set(known))
    numbering = Numbering(code_points("".join(symbols)))
    expected = [symbols.index(one) if one in symbols else numbering.missing for one in text]
    assert numbering.look_up(text).tolist() == expected


@settings(deadline=None)
@given(st.text(st.characters()))
def test_code_points_have_a_narrow_type_if_all_fit(text: str) -> None:
    assert narrow_code_points(text).tolist() == code_points(text).tolist() == list(map(ord, text))
    assert narrow_code_points(text).dtype == ("<u4" if max(map(ord, text), default=0) > 0xFFFF else "<u2")


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.data())
def test_ranks_are_the_positions_in_the_sorted_vocabulary(texts: list[str], data: st.DataObject) -> None:
    numbering = Numbering()
    for text in texts:
        numbering.number(text)
    known = list(map(chr, numbering.codes))
    kept = np.array([data.draw(st.booleans()) for _ in known], bool)
    symbols, ranks = numbering.ranks(kept)
    expected = sorted(one for one, keep in zip(known, kept, strict=True) if keep)
    assert list(map(chr, symbols.tolist())) == expected
    assert ranks.tolist() == [expected.index(one) if one in expected else len(expected) for one in known]


@pytest.mark.parametrize("block", [1, 3, 1000])
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_file_is_renumbered_in_place(block: int, data: st.DataObject) -> None:
    """Blocks of tokens whose type becomes wider, then any table onto a type that is not wider."""
    highs = st.lists(st.sampled_from([5, 255, 300, 65_535, 70_000]), min_size=1, max_size=5)
    highest = sorted(data.draw(highs))
    chance = np.random.default_rng(data.draw(st.integers(0, 99)))
    parts = [chance.integers(0, high + 1, chance.integers(1, 9)) for high in highest]
    whole = np.concatenate(parts)
    table = chance.integers(0, data.draw(st.sampled_from([2, 256, highest[-1] + 1])), highest[-1] + 1)
    dtype = min(dtype_of(int(table.max()) + 1), dtype_of(highest[-1] + 1), key=lambda one: one.itemsize)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryFile() as stream:
        file = TokenFile(stream, np.dtype(np.uint8))
        patch.setattr("charloop.data.token_file.BLOCK_TOKENS", block)
        for part, high in zip(parts, highest, strict=True):
            file.write(part.astype(dtype_of(high + 1)))
        assert read(file, stream).tolist() == whole.tolist()
        file.renumber(table, dtype, Meter())
        assert read(file, stream).tolist() == table[whole].tolist()
    assert file.dtype == dtype
    assert file.length == len(whole)


def read(file: TokenFile, stream: BinaryIO) -> np.ndarray:
    """Return the file's content, and check its hash; the position for writing is kept."""
    position = stream.tell()
    stream.seek(0)
    content = stream.read()
    stream.seek(position)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    return np.frombuffer(content, file.dtype)
