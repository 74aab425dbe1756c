"""Compiled programs are cached between commands: they change, damage and delay nothing."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from charloop import compilation_cache
from charloop.compilation_cache import MAX_AGE, fingerprint_processor, remove_old_programs
from cli.commands import BRIEF, Outcome, done, process

QUICK = (*BRIEF, "--cell", "rnn", "--num-layers", "1")
"""To be compiled, that is."""
SCORED = ("--text", "the quick brown fox")


def process_with(cache: Path, *arguments: str, **limit: str) -> Outcome:
    """Run a command that keeps its programs under `cache`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_PERS")}
    del environment["JAX_COMPILATION_CACHE_DIR"]
    return process(*arguments, env=environment | {"CHARLOOP_CACHE": str(cache)} | limit)


def trained_with(cache: Path, folder: Path, book: Path) -> Outcome:
    """A run in `folder` whose programs are kept under `cache`."""
    return process_with(cache, "train", str(book), *QUICK, "--output", str(folder))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, book: Path) -> Path:
    """A folder with a run, `one`, and the programs that it kept."""
    folder = tmp_path_factory.mktemp("programs")
    done(trained_with(folder / "cache", folder / "one", book))
    return folder


@pytest.fixture
def begun(first: Path, tmp_path: Path) -> Iterator[Path]:
    """That folder, whose programs are put back afterwards: a program's name depends on where it is kept."""
    shutil.copytree(first / "cache", tmp_path / "kept")
    yield first
    shutil.rmtree(first / "cache")
    shutil.copytree(tmp_path / "kept", first / "cache")


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "programs").rglob("*-cache"))


def weights(folder: Path) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in load_file(folder / "model.safetensors").items()}


def test_the_second_run_makes_no_program_and_the_same_weights(
    begun: Path, tmp_path: Path, book: Path
) -> None:
    made = {file: file.stat().st_mtime_ns for file in kept(begun)}
    assert any("train_steps" in file.name for file in made)
    assert any(file.name.startswith("charloop_") for file in made)
    done(trained_with(begun / "cache", tmp_path / "two", book))
    after = {file: file.stat().st_mtime_ns for file in kept(begun)}
    assert made.items() <= after.items()
    # On a busy machine a small program may be stored only the second time.
    assert not [
        file for file in after.keys() - made if "train_steps" in file.name or "charloop_" in file.name
    ]
    assert weights(begun / "one") == weights(tmp_path / "two")


@pytest.mark.slow
def test_half_written_programs_are_made_again_without_a_word(begun: Path, tmp_path: Path, book: Path) -> None:
    for number, file in enumerate(kept(begun)):
        os.truncate(file, 100 * (number % 2))
    outcome = trained_with(begun / "cache", tmp_path / "two", book)
    done(outcome)
    assert outcome.err == ""
    assert weights(begun / "one") == weights(tmp_path / "two")


@pytest.mark.slow
def test_a_command_works_without_a_cache_that_cannot_be_made(tmp_path: Path, trained: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "programs").write_text("a file instead of a folder")
    done(process_with(tmp_path / "cache", "eval", str(trained), *SCORED))


def test_old_entries_are_removed(tmp_path: Path) -> None:
    old, new, foreign = (tmp_path / name for name in ("old-cache", "new-cache", "old.txt"))
    for file in (old, new, foreign):
        file.touch()
    for file in (old, foreign):
        os.utime(file, (time.time() - MAX_AGE - 9,) * 2)
    remove_old_programs(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new-cache", "old.txt"]


def test_a_last_use_is_forgotten_with_its_program(tmp_path: Path) -> None:
    names = ("old-cache", "old-atime", "new-cache", "new-atime", "dead-cache.part", "now-atime")
    for name in names:
        (tmp_path / name).touch()
    for name in ("old-cache", "old-atime", "new-atime", "dead-cache.part"):
        os.utime(tmp_path / name, (time.time() - MAX_AGE - 9,) * 2)
    remove_old_programs(tmp_path)
    # "now-atime": another process is about to write the program itself.
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new-atime", "new-cache", "now-atime"]


@pytest.mark.slow
def test_with_a_limit_programs_that_were_kept_without_one_do_not_stop_jax(begun: Path, trained: Path) -> None:
    """JAX's eviction gives up at an entry whose last use nobody wrote down, and writes none without a limit."""
    pytest.importorskip("filelock")
    before = set(kept(begun))
    size = sum(file.stat().st_size for file in before)
    limit = {"JAX_COMPILATION_CACHE_MAX_SIZE": str(size)}
    done(process_with(begun / "cache", "eval", str(trained), *SCORED, **limit))
    assert all(file.with_name(file.name[: -len("cache")] + "atime").exists() for file in kept(begun))
    assert 0 < sum(file.stat().st_size for file in kept(begun)) <= size
    assert set(kept(begun)) - before


def test_each_kind_of_processor_has_programs_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    for flags in ("avx2", "avx2 avx512f"):
        (tmp_path / "cpuinfo").write_text(f"model name : one\nflags : {flags}\nMHz : {time.time()}\n" * 2)
        monkeypatch.setattr(compilation_cache, "PROCESSOR", tmp_path / "cpuinfo")
        names |= {fingerprint_processor(), fingerprint_processor()}
    assert len(names) == 2
    monkeypatch.setattr(compilation_cache, "PROCESSOR", tmp_path / "none")
    assert fingerprint_processor() not in names
