"""Copies are found where trying finds them, and nowhere else."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.errors import CharloopError
from charloop.originality import SuffixIndex, load_or_build_index, measure_originality, suffix_index
from originality.naive import followers, longest_matches, occurs

TYPES = st.sampled_from([np.uint8, np.uint16, np.uint32, np.int32])
letters = st.integers(1, 4).flatmap(lambda size: st.lists(st.integers(0, size - 1), max_size=40))
repeats = st.builds(
    lambda piece, times: piece * times, st.lists(st.integers(0, 2), max_size=5), st.integers(0, 12)
)
far_apart = st.lists(st.sampled_from([0, 1, 255, 256, 257, 511, 65535]), max_size=30)
TEXTS = letters | repeats | far_apart


def index_of(text: list[int], kind: type = np.int32) -> SuffixIndex:
    fits = max(text, default=0) <= np.iinfo(kind).max
    return SuffixIndex.of(np.array(text, kind if fits else np.int32))


@settings(deadline=None, max_examples=150)
@given(TEXTS, TYPES)
def test_suffixes_are_sorted(text: list[int], kind: type) -> None:
    order = index_of(text, kind).order.tolist()
    assert order == sorted(range(len(text)), key=lambda start: text[start:])


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.data(), TYPES)
def test_the_longest_matches_are_those_that_trying_finds(
    text: list[int], data: st.DataObject, kind: type
) -> None:
    """Of any text, and of one that is cut out of it here and there."""
    start, stop = (data.draw(st.integers(0, len(text))) for _ in range(2))
    ids = data.draw(TEXTS) + text[start:stop] + data.draw(st.lists(st.integers(0, 3), max_size=3))
    found = index_of(text, kind).longest_matches(np.array(ids, np.int32))
    assert found.tolist() == longest_matches(text, ids)


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.data())
def test_followers_are_those_that_trying_finds(text: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    piece = data.draw(st.just(text[start : start + data.draw(st.integers(0, 5))]) | letters)
    assert index_of(text).followers(np.array(piece, np.int32)).tolist() == followers(text, piece)


def test_a_long_text_is_searched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matches longer than a stride, and positions on both sides of the end of a pass."""
    text = np.random.default_rng(0).integers(0, 3, 2000).astype(np.uint8)
    ids = np.concatenate([text[100:450], [3], text[77:400], text[:33]]).astype(np.int32)
    whole = SuffixIndex.of(text).longest_matches(ids)
    assert whole.max() == 350
    monkeypatch.setattr(suffix_index, "POSITIONS_PER_PASS", 7)
    assert (SuffixIndex.of(text).longest_matches(ids) == whole).all()
    assert whole[400] == 50
    assert occurs(text.tolist(), ids[351:401].tolist())


def test_a_text_too_long_is_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(suffix_index, "MAX_INDEXED_TOKENS", 9)
    monkeypatch.setattr(suffix_index, "divsufsort", lambda _: pytest.fail("sorted all the same"))
    for make in (SuffixIndex.of, lambda tokens: load_or_build_index(tokens, cache=tmp_path)):
        with pytest.raises(CharloopError, match="got 10; allowed: up to 9; train on less text"):
            make(np.zeros(10, np.uint8))


def test_a_listener_hears_that_it_begins() -> None:
    heard = []
    SuffixIndex.of(np.zeros(10, np.uint8), heard.append)
    assert [(said.done, said.total) for said in heard] == [(0, 10)]


TEXT = np.frombuffer(b"the cat sat on the mat. the dog sat on the log.", np.uint8)


def test_an_index_is_built_once_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = load_or_build_index(TEXT, cache=tmp_path)
    assert [path.name for path in (tmp_path / "suffixes").iterdir()] == [
        f"{suffix_index._cache_key(TEXT)}.order"
    ]
    monkeypatch.setattr(suffix_index, "divsufsort", lambda _: pytest.fail("built again"))
    assert (load_or_build_index(TEXT, cache=tmp_path).order == built.order).all()
    with pytest.raises(pytest.fail.Exception, match="built again"):
        load_or_build_index(TEXT[:-1], cache=tmp_path)


@pytest.mark.parametrize("at", [0, 5, 40, -1])
def test_a_damaged_index_is_built_again(tmp_path: Path, at: int) -> None:
    built = load_or_build_index(TEXT, cache=tmp_path)
    (path,) = (tmp_path / "suffixes").iterdir()
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[at] ^= 1
    for content in (bytes(damaged), whole[:-4], whole + b"....", b""):
        path.write_bytes(content)
        assert (load_or_build_index(TEXT, cache=tmp_path).order == built.order).all()
        assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert len(load_or_build_index(TEXT, cache=tmp_path / "file").order) == len(TEXT)


def test_a_text_without_tokens_has_an_index(tmp_path: Path) -> None:
    for _ in range(2):
        index = load_or_build_index(np.zeros(0, np.uint8), cache=tmp_path)
        assert index.longest_matches(np.array([1, 2])).tolist() == [0, 0]
        assert index.followers(np.zeros(0, np.int32)).tolist() == []


@settings(deadline=None, max_examples=100)
@given(letters, letters, st.integers(1, 6))
def test_originality_is_what_counting_says(text: list[int], ids: list[int], threshold: int) -> None:
    found = measure_originality(index_of(text), np.array(ids, np.int32), threshold)
    matches = longest_matches(text, ids)
    inside = {
        index for end, size in enumerate(matches, 1) if size >= threshold for index in range(end - size, end)
    }
    assert found.characters == len(ids)
    assert found.longest == max(matches, default=0)
    assert found.copied == (len(inside) / len(ids) if ids else 0)
    assert found.threshold == threshold
    assert occurs(text, ids[found.start : found.start + found.longest])


def test_a_copy_in_the_middle_of_a_text() -> None:
    ids = np.frombuffer(b"zzz sat on the mzzz sat onzz", np.uint8)
    found = measure_originality(SuffixIndex.of(TEXT), ids, 8)
    assert (found.characters, found.longest, found.start, found.threshold) == (28, 13, 3, 8)
    assert found.copied == 13 / 28
    with pytest.raises(CharloopError, match="threshold of a copy: got 0"):
        measure_originality(SuffixIndex.of(TEXT), ids, 0)
