"""Compiled programs are kept between commands: they change nothing, spoil nothing and hold nothing up."""

import os
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from charloop.cli import programs
from charloop.cli.programs import KEPT, forget_old, processor
from cli.commands import BRIEF, Outcome, done, process


@pytest.fixture
def train(tmp_path: Path, book: Path):
    """A run that keeps its programs under `cache`; each is called with another folder for the run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_PERS")}
    del environment["JAX_COMPILATION_CACHE_DIR"]

    def run(out: str) -> Outcome:
        given = environment | {"CHARLOOP_CACHE": str(tmp_path / "cache")}
        return process("train", str(book), *BRIEF, "--out", str(tmp_path / out), env=given)

    return run


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "programs").rglob("*-cache"))


def weights(folder: Path) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in load_file(folder / "model.safetensors").items()}


def test_the_second_run_makes_no_program_and_the_same_weights(tmp_path: Path, train) -> None:
    done(train("one"))
    made = {file: file.stat().st_mtime_ns for file in kept(tmp_path)}
    assert any("train_steps" in file.name for file in made)
    assert any(file.name.startswith("charloop_") for file in made)
    done(train("two"))
    after = {file: file.stat().st_mtime_ns for file in kept(tmp_path)}
    assert made.items() <= after.items()
    # On a busy machine a small program may be worth keeping the second time only.
    assert not [
        file for file in after.keys() - made if "train_steps" in file.name or "charloop_" in file.name
    ]
    assert weights(tmp_path / "one") == weights(tmp_path / "two")


@pytest.mark.parametrize("size", [0, 100])
def test_a_half_written_program_is_made_again_without_a_word(tmp_path: Path, train, size: int) -> None:
    done(train("one"))
    for file in kept(tmp_path):
        os.truncate(file, size)
    outcome = train("two")
    done(outcome)
    assert outcome.err == ""
    assert weights(tmp_path / "one") == weights(tmp_path / "two")


def test_a_cache_that_cannot_be_made_is_done_without(tmp_path: Path, train) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "programs").write_text("a file in its place")
    done(train("one"))


def test_what_was_kept_for_long_is_forgotten(tmp_path: Path) -> None:
    old, new, foreign = (tmp_path / name for name in ("old-cache", "new-cache", "old.txt"))
    for file in (old, new, foreign):
        file.touch()
    for file in (old, foreign):
        os.utime(file, (time.time() - KEPT - 9,) * 2)
    forget_old(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new-cache", "old.txt"]


def test_a_last_use_is_forgotten_with_its_program(tmp_path: Path) -> None:
    names = ("old-cache", "old-atime", "new-cache", "new-atime", "dead-cache.part", "now-atime")
    for name in names:
        (tmp_path / name).touch()
    for name in ("old-cache", "old-atime", "new-atime", "dead-cache.part"):
        os.utime(tmp_path / name, (time.time() - KEPT - 9,) * 2)
    forget_old(tmp_path)
    # "now-atime": another process is about to write the program itself.
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new-atime", "new-cache", "now-atime"]


def test_with_a_limit_programs_that_were_kept_without_one_do_not_stop_jax(tmp_path: Path, book: Path) -> None:
    """JAX's eviction gives up at an entry whose last use nobody wrote down, and writes none without a limit."""
    pytest.importorskip("filelock")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JAX_PERS")}
    del environment["JAX_COMPILATION_CACHE_DIR"]
    environment["CHARLOOP_CACHE"] = str(tmp_path / "cache")
    done(process("train", str(book), *BRIEF, "--out", str(tmp_path / "one"), env=environment))
    size = sum(file.stat().st_size for file in kept(tmp_path))
    limit = {"JAX_COMPILATION_CACHE_MAX_SIZE": str(size)}
    more = ("--hidden-size", "24", "--out", str(tmp_path / "two"))
    done(process("train", str(book), *BRIEF, *more, env=environment | limit))
    assert all(file.with_name(file.name[: -len("cache")] + "atime").exists() for file in kept(tmp_path))
    assert 0 < sum(file.stat().st_size for file in kept(tmp_path)) <= size
    assert any(
        file.stat().st_mtime > (tmp_path / "one" / "config.json").stat().st_mtime for file in kept(tmp_path)
    )


def test_each_kind_of_processor_has_programs_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    for flags in ("avx2", "avx2 avx512f"):
        (tmp_path / "cpuinfo").write_text(f"model name : one\nflags : {flags}\nMHz : {time.time()}\n" * 2)
        monkeypatch.setattr(programs, "PROCESSOR", tmp_path / "cpuinfo")
        names |= {processor(), processor()}
    assert len(names) == 2
    monkeypatch.setattr(programs, "PROCESSOR", tmp_path / "none")
    assert processor() not in names
