"""Machine code that was kept is used again if it is whole, and made anew if not."""

from pathlib import Path

import jax
import pytest

from charloop.kernels import objects


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(objects, "folder", lambda: tmp_path)
    return tmp_path


def test_what_was_kept_is_there_and_alone(place: Path) -> None:
    assert objects.load("one") is None
    objects.keep("one", b"code")
    objects.keep("one", b"other code")
    assert objects.load("one") == b"other code"
    assert [file.name for file in place.iterdir()] == ["one-cache"]


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_what_is_damaged_is_not_there(place: Path, damage: bytes | None) -> None:
    objects.keep("one", b"code" * 100)
    (file,) = place.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?" if damage is None else damage)
    assert objects.load("one") is None


def test_where_nothing_can_be_written_nothing_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(objects, "folder", lambda: tmp_path / "nowhere")
    objects.keep("one", b"code")
    assert objects.load("one") is None


def test_it_is_kept_where_jax_keeps_its_programs(tmp_path: Path) -> None:
    before = jax.config.values["jax_compilation_cache_dir"]
    try:
        for given, expected in ((str(tmp_path), tmp_path), (str(tmp_path / "nowhere"), None), (None, None)):
            jax.config.update("jax_compilation_cache_dir", given)
            assert objects.folder() == expected
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
