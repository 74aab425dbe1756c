"""Baselines in files: used if intact and of this text, else measured again."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.baselines import (
    BackgroundMeasurement,
    Baseline,
    Baselines,
    baselines_key,
    encode_baselines,
    find_baselines,
    measure_baselines,
    read_baselines,
    store,
)
from charloop.data import Vocabulary

VOCABULARY = Vocabulary.of_text("abcd")
TRAIN = np.random.default_rng(0).integers(0, 4, 500).astype(np.uint8)
TEXT = np.random.default_rng(1).integers(0, 4, 60).astype(np.uint8)
BASELINES = Baselines((Baseline("uniform", 1.5), Baseline("unigram", 1.25)), 500, 500, 59, 59)
KEPT = encode_baselines("key", BASELINES)


def test_stored_baselines_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "baselines.json"
    path.write_bytes(KEPT)
    assert read_baselines(path) == read_baselines(path, "key") == BASELINES
    assert read_baselines(path, "another") is None


def test_damaged_content_is_none(tmp_path: Path) -> None:
    path = tmp_path / "baselines.json"
    assert read_baselines(path) is None
    assert read_baselines(tmp_path) is None
    for wrong in (b"", b"[]", b"{}", b"\xff", b"[" * 10**5, KEPT.replace(b"1.5", b"-1.5"),
                  KEPT.replace(b"1.5", b"1e999"), KEPT.replace(b'"format": 1', b'"format": 2'),
                  KEPT + b" " * 2**16):  # fmt: skip
        path.write_bytes(wrong)
        assert read_baselines(path) is None, wrong[:80]
    path.unlink()
    path.symlink_to(path)
    assert read_baselines(path) is None


@settings(deadline=None)
@given(st.integers(0, len(KEPT) - 3), st.integers(0, 255))
def test_a_damaged_file_is_refused_or_still_valid(position: int, value: int) -> None:
    path = store.cache_folder() / "damaged.json"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(KEPT[:position] + bytes([value]) + KEPT[position + 1 :])
    found = read_baselines(path)
    assert found is None or isinstance(found.rank(1.0).nats, float)
    path.write_bytes(KEPT[:position])
    assert read_baselines(path) is None


def test_the_key_depends_on_all_that_decides_the_baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = TRAIN.copy()
    changed[7] = (changed[7] + 1) % 4
    keys = [
        baselines_key(TRAIN, TEXT, VOCABULARY),
        baselines_key(changed, TEXT, VOCABULARY),
        baselines_key(TRAIN, TEXT[:-1], VOCABULARY),
        baselines_key(np.append(TRAIN, TEXT[:1]), TEXT[1:], VOCABULARY),
        baselines_key(TRAIN, TEXT, Vocabulary.of_text("abce")),
    ]
    assert len(set(keys)) == len(keys)
    assert baselines_key(TRAIN.astype(np.int64), TEXT, VOCABULARY) == keys[0], "whatever type the tokens have"
    documents = Vocabulary(VOCABULARY.symbols, documents="line")
    keys.append(baselines_key(TRAIN, TEXT, documents))
    monkeypatch.setattr(store, "DOCUMENT_FORMAT", 3)
    assert baselines_key(TRAIN, TEXT, VOCABULARY) == keys[0]
    assert baselines_key(TRAIN, TEXT, documents) not in keys
    monkeypatch.setattr(store, "FORMAT", 2)
    assert baselines_key(TRAIN, TEXT, VOCABULARY) not in keys


def test_what_was_measured_once_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, baselines = find_baselines(TRAIN, TEXT, VOCABULARY, cache=tmp_path)
    assert baselines == measure_baselines(TRAIN, TEXT, VOCABULARY)
    assert [path.name for path in (tmp_path / "baselines").iterdir()] == [f"{key}.json"]
    monkeypatch.setattr(store, "measure_baselines", lambda *_: pytest.fail("measured again"))
    assert find_baselines(TRAIN, TEXT, VOCABULARY, cache=tmp_path) == (key, baselines)


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    _, baselines = find_baselines(TRAIN, TEXT, VOCABULARY, cache=tmp_path / "file")
    assert baselines == measure_baselines(TRAIN, TEXT, VOCABULARY)


def test_in_the_background(tmp_path: Path) -> None:
    measuring = BackgroundMeasurement(TRAIN, TEXT, VOCABULARY, cache=tmp_path)
    measuring.wait()
    assert measuring.is_over
    assert measuring.found == find_baselines(TRAIN, TEXT, VOCABULARY, cache=tmp_path)
    assert measuring.failure is None


@pytest.mark.parametrize(("error", "said"), [(MemoryError(), "MemoryError"), (OSError("no"), "no")])
def test_what_fails_in_the_background_is_reported(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_) -> Baselines:
        raise error

    monkeypatch.setattr(store, "measure_baselines", fail)
    measuring = BackgroundMeasurement(TRAIN, TEXT, VOCABULARY, cache=tmp_path)
    measuring.wait()
    assert (measuring.found, measuring.failure) == (None, said)
