"""Ten gigabytes, trained on by a process that is watched from outside. Slow, and twenty gigabytes of disk."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands import program
from cli.conftest import text_of
from data.measure import MEGABYTE, watch

SIZE = 10_000 * MEGABYTE
LIMIT = 1_500 * MEGABYTE
FLAGS = ("--preset", "tiny", "--steps", "40", "--eval-every", "20")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to look at here"),
]


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Path]:
    """A folder with enough space, emptied whatever happens: pytest would keep it for three sessions."""
    if shutil.disk_usage(tmp_path).free < 2.5 * SIZE:
        pytest.skip("not enough space for ten gigabytes of text and their tokens")
    yield tmp_path
    shutil.rmtree(tmp_path)


def letters(path: Path) -> None:
    """Real text all the way; what comes only at its end gives every character another number."""
    block = text_of(400_000).encode()
    with path.open("wb") as stream:
        for _ in range(SIZE // len(block)):
            stream.write(block)
        stream.write("! — ünd Schluß\n".encode())


def holes(path: Path) -> None:
    """Nothing but zeros, which take no space on the disk, between a few blocks of any bytes."""
    with path.open("wb") as stream:
        for offset in range(0, SIZE, SIZE // 8):
            stream.seek(offset)
            stream.write(random.Random(offset).randbytes(MEGABYTE))
        stream.truncate(SIZE)


@pytest.mark.parametrize(("make", "flags"), [(letters, ()), (holes, ("--unit", "byte"))])
def test_ten_gigabytes_train_in_little_memory(roomy: Path, make, flags: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    make(roomy / "large.txt")
    environment = os.environ | {"CHARLOOP_CACHE": str(roomy / "cache")}
    command = program("train", "large.txt", *FLAGS, *flags, "--output", "run")
    peak = watch(command, pause=0.1, cwd=roomy, env=environment)
    print(
        f"{make.__name__}: {peak.own:,} of its own, {peak.mapped:,} of files, {peak.both:,} at once at most"
    )
    assert (roomy / "run/model.safetensors").is_file()
    assert "to validate (1,000,000 of them at each evaluation" in peak.output
    assert peak.both < LIMIT
