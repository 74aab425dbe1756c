"""Stored machine code is used again if it is complete, and compiled again if not."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from charloop.kernels import code_cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(code_cache, "find_folder", lambda: tmp_path)
    return tmp_path


def test_saved_code_is_loaded_and_replaced(folder: Path) -> None:
    assert code_cache.load_code("one") is None
    code_cache.save_code("one", b"code")
    code_cache.save_code("one", b"other code")
    assert code_cache.load_code("one") == b"other code"
    assert sorted(file.name for file in folder.iterdir()) == ["one-atime", "one-cache"]


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_damaged_code_is_not_loaded(folder: Path, damage: bytes | None) -> None:
    code_cache.save_code("one", b"code" * 100)
    file = folder / "one-cache"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?" if damage is None else damage)
    assert code_cache.load_code("one") is None


def test_code_that_cannot_be_saved_is_not_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(code_cache, "find_folder", lambda: tmp_path / "nowhere")
    code_cache.save_code("one", b"code")
    assert code_cache.load_code("one") is None


def test_code_is_kept_in_the_folder_of_jax_programs(tmp_path: Path) -> None:
    before = jax.config.values["jax_compilation_cache_dir"]
    try:
        for given, expected in ((str(tmp_path), tmp_path), (str(tmp_path / "nowhere"), None), (None, None)):
            jax.config.update("jax_compilation_cache_dir", given)
            assert code_cache.find_folder() == expected
    finally:
        jax.config.update("jax_compilation_cache_dir", before)


EVICTING = """
import logging, sys, warnings
import jax, jax.numpy as jnp
from charloop.kernels import code_cache
warnings.simplefilter("error")
jax.config.update("jax_raise_persistent_cache_errors", True)
size = 400_000
code_cache.save_code("old", b"o" * size)
code_cache.save_code("used", b"u" * size)
for n in range(3):
    assert code_cache.load_code("used")
    code_cache.save_code(f"large{n}", b"l" * size)
    jax.jit(lambda x: x * n + 1)(jnp.arange(3.0)).block_until_ready()
code_cache.save_code("too large", b"x" * 2_000_000)
print(*(name for name in ("old", "used", "large0", "large1", "large2", "too large") if code_cache.load_code(name)))
"""


def test_with_a_limit_the_least_recently_used_are_removed_and_jax_continues(tmp_path: Path) -> None:
    """By JAX's own setting and JAX's own eviction, which raises here whatever it cannot do."""
    pytest.importorskip("filelock")
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_COMPILATION_CACHE_MAX_SIZE": "1000000",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    done = subprocess.run(
        [sys.executable, "-c", EVICTING], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["used", "large2"]
    entries = {file.name.removesuffix("-cache") for file in tmp_path.glob("*-cache")}
    assert {file.name.removesuffix("-atime") for file in tmp_path.glob("*-atime")} == entries
    assert any(entry.startswith("jit_") for entry in entries), "JAX's own are among them"
    assert sum(file.stat().st_size for file in tmp_path.glob("*-cache")) <= 1_000_000


def test_a_partial_file_is_no_program_of_jax(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(code_cache.os, "replace", fail)
    code_cache.save_code("one", b"code")
    assert not list(folder.glob("*-cache"))
