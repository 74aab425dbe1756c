"""How fast a text becomes tokens, beside what its bytes need at the least: each on the same file, in turn."""

import itertools
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from charloop.benchmark.serve import SETTLE
from charloop.data import Unit, load_corpus
from charloop.data.pieces import BLOCK_BYTES

TEXTS = {
    "english": "It was the best of times, it was the worst of times.\n",
    "german": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich – „so weit, so gut“.\n",
    "chinese": "".join(chr(0x4E00 + place * 7919 % 20_000) for place in range(40_000)),
}
"""ASCII; a few longer characters among it; three bytes each, 20,000 of them different."""


@dataclass(frozen=True)
class Pace:
    """A program's seconds for a file of `size` bytes, once a round."""

    program: str
    size: int
    seconds: Sequence[float]

    @property
    def rate(self) -> float:
        """Bytes a second, by the median."""
        return self.size / statistics.median(self.seconds)

    @property
    def middle_half(self) -> tuple[float, float]:
        """Bytes a second between which the middle half of the rounds lies."""
        slow, _, fast = statistics.quantiles((self.size / one for one in self.seconds), n=4)
        return slow, fast


def make_text(name: str, size: int, folder: Path) -> Path:
    """A file of about `size` bytes, whole lines or rounds of the text of that name."""
    content, path = TEXTS[name].encode(), folder / f"{name}.txt"
    with path.open("wb") as stream:
        for _ in range(max(2, size // len(content))):
            stream.write(content)
    return path


def time_encoding(
    text: Path, units: Sequence[Unit], rounds: int, folder: Path, say: Callable[[str], None]
) -> list[Pace]:
    """Every program on `text`, in turn, `rounds` times; what they write goes to `folder`, and is deleted."""
    programs = dict(programs_for(text, units, folder))
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for number, (name, run) in itertools.product(range(rounds), programs.items()):
        say(f"round {number + 1} of {rounds}: {name}")
        time.sleep(SETTLE)
        begun = time.perf_counter()
        run()
        seconds[name].append(time.perf_counter() - begun)
    return [Pace(name, text.stat().st_size, seconds[name]) for name in programs]


def programs_for(text: Path, units: Sequence[Unit], folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is timed: charloop in each unit, from no cache; then copying the file, and Python's own decoding."""
    for unit in units:
        yield f"charloop, {unit}", partial(encode, text, unit, folder / "cache")
    yield "copying", partial(copy, text, folder / "copy")
    yield "decoding", partial(decode, text)


def encode(text: Path, unit: Unit, cache: Path) -> None:
    """All that `charloop train` does before it has tokens: hash, decode, number, write, map."""
    shutil.rmtree(cache, ignore_errors=True)
    load_corpus([str(text)], unit=unit, cache=cache)


def copy(text: Path, target: Path) -> None:
    """Block by block, through this process as tokens go: the system's own short cuts copy nothing at all."""
    with text.open("rb") as source, target.open("wb") as copied:
        shutil.copyfileobj(source, copied, BLOCK_BYTES)


def decode(text: Path) -> None:
    """Bytes to characters with line ends made one kind, which are thrown away."""
    with open(text, encoding="utf-8") as stream:
        while stream.read(BLOCK_BYTES):
            pass
