"""A text of its own for the command line, and one trained run that many tests look at or copy."""

import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import charloop.training.run
from charloop.cli.commands import train as train_command
from charloop.config import RunConfig
from cli.commands import BRIEF, Outcome, call, done

WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "sleeps",
    "by",
    "an",
    "old",
    "river",
)
RARE = "ξψж"
EXAMPLE = str(Path(__file__).parents[2] / "examples" / "my_cells.py:SkipLSTM")


def text_of(lines: int, seed: int = 0) -> str:
    """Lines of eight words."""
    chance = random.Random(seed)
    return "".join(" ".join(chance.choices(WORDS, k=8)) + "\n" for _ in range(lines))


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test in a folder of its own, on a screen of a known size."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    # In this process, a seed that nobody gave is 0.
    monkeypatch.setattr("charloop.cli.commands.sample.secrets.randbelow", lambda _: 0)


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "book.txt"
    path.write_text(text_of(100))
    return path


@pytest.fixture(scope="session")
def training(book: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run's folder, and what its training wrote."""
    folder = tmp_path_factory.mktemp("runs") / "book"
    return folder, call("train", str(book), *BRIEF, "--output", str(folder))


@pytest.fixture(scope="session")
def trained(training: tuple[Path, Outcome]) -> Iterator[Path]:
    """A run's folder, to be read only: a test that writes to it takes a copy, or others see what it wrote."""
    done(training[1])
    before = contents(training[0])
    yield training[0]
    changed = {name for name, _ in before ^ contents(training[0])}
    assert not changed, "a test of this session wrote to the run that all share"


def contents(folder: Path) -> set[tuple[str, bytes]]:
    return {(path.name, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


Write = Callable[..., str]


@pytest.fixture
def write(trained: Path) -> Write:
    """What `charloop sample RUN FLAGS` writes."""
    return lambda *flags, stdin="": done(call("sample", str(trained), *flags, stdin=stdin))


@pytest.fixture(scope="session")
def example(book: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run with a cell of the shipped examples, and what its training wrote."""
    folder = tmp_path_factory.mktemp("example") / "run"
    return folder, call("train", str(book), *BRIEF, "--cell", EXAMPLE, "--output", str(folder))


@pytest.fixture(scope="session")
def folded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run with an unknown symbol, and what its training wrote."""
    folder = tmp_path_factory.mktemp("folded")
    (folder / "book.txt").write_text(text_of(100) + RARE + text_of(5, seed=1))
    flags = (*BRIEF, "--min-count", "3", "--output", str(folder / "run"))
    return folder / "run", call("train", str(folder / "book.txt"), *flags)


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run on bytes of every kind, and what its training wrote."""
    folder = tmp_path_factory.mktemp("binary")
    (folder / "program").write_bytes(bytes(range(256)) * 8)
    flags = (*BRIEF, "--unit", "byte", "--sample-every", "1", "--output", str(folder / "run"))
    return folder / "run", call("train", str(folder / "program"), *flags)


@pytest.fixture
def copied(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, which a test may damage."""
    return Path(shutil.copytree(trained, tmp_path / "copy"))


Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The flat settings that `charloop train FLAGS book.txt` would train with."""

    def plan(*flags: str) -> dict[str, Any]:
        sections = asdict(ask(monkeypatch, flags)[0])
        return {name: value for section in sections.values() for name, value in section.items()}

    return plan


Kept = Callable[..., set[str] | None]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """The settings that the preset auto would keep as `charloop train FLAGS book.txt` says; None without auto."""
    return lambda *flags: ask(monkeypatch, flags)[1]


def ask(monkeypatch: pytest.MonkeyPatch, flags: Sequence[str]) -> tuple[RunConfig, set[str] | None]:
    """Return what `charloop train FLAGS book.txt` would call `train` with."""
    asked: list[tuple[RunConfig, set[str] | None]] = []

    def train(config: RunConfig, *_: object, kept: set[str] | None, **__: object) -> Path:
        asked.append((config, kept))
        return Path("run")

    with monkeypatch.context() as patch:
        patch.setattr(charloop.training.run, "train", train)
        patch.setattr(train_command, "print_end", lambda *_, **__: 0)
        done(call("train", *flags, "book.txt"))
    return asked.pop()


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be created."""
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to root")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    yield folder
    folder.chmod(0o700)
