"""Time how a text becomes tokens, beside copying its file and decoding it with Python, in turn.

    python -m bench.encode [--texts english german chinese FILE] [--megabytes 200] [--units char byte] [--rounds 5]

english, german and chinese are made up: ASCII; some longer characters among it; three bytes each, 20,000 of them
different. FILE is a text of your own, in UTF-8.
"""

import itertools
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench.rounds import print_table, show_progress
from bench.serve import SETTLE
from bench.settings import make_parser, positive
from charloop.benchmark.results import ResultsFile
from charloop.benchmark.training_step import measure_seconds
from charloop.data import Unit, load_corpus

TEXTS = {
    "english": "It was the best of times, it was the worst of times.\n",
    "german": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich – „so weit, so gut“.\n",
    "chinese": "".join(chr(0x4E00 + index * 7919 % 20_000) for index in range(40_000)),
}
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Encoding:
    """The seconds of a program for a file of `size` bytes, one for each round."""

    program: str
    size: int
    seconds: Sequence[float]

    @property
    def rate(self) -> float:
        """Bytes per second, by the median."""
        return self.size / statistics.median(self.seconds)

    @property
    def middle_half(self) -> tuple[float, float]:
        """The first and the third quartile of the bytes per second."""
        slow, _, fast = statistics.quantiles((self.size / seconds for seconds in self.seconds), n=4)
        return slow, fast


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each text."""
    parser = make_parser("encode", __doc__)
    parser.add_argument("--texts", nargs="+", type=text_name, default=[*TEXTS], metavar="TEXT")
    parser.add_argument("--megabytes", type=positive, default=200, help="size of a text that is made up")
    parser.add_argument("--units", nargs="+", choices=("char", "byte"), default=("char", "byte"))
    parser.add_argument("--rounds", type=positive, default=5, help="times each program runs; at least 2")
    parser.add_argument("--folder", type=Path, help="where texts and tokens are written and deleted again")
    flags = parser.parse_args(arguments)
    if flags.rounds < 2:
        parser.error("--rounds: got 1; allowed: 2 or more")
    file, results = ResultsFile(flags.output, "encode"), []
    print(file.machine_line)
    with tempfile.TemporaryDirectory(prefix="charloop-", dir=flags.folder) as name:
        for text in flags.texts:
            path = make_text(text, flags.megabytes * 10**6, Path(name)) if text in TEXTS else Path(text)
            encodings = time_encoding(path, flags.units, flags.rounds, Path(name))
            print_encodings(text, encodings)
            rows = [asdict(e) | {"bytes_a_second": e.rate, "middle_half": e.middle_half} for e in encodings]
            results.append({"text": text, "rows": rows})
            file.save(results=results)
    print(f"\nall figures: {file.path}")


def text_name(name: str) -> str:
    """Return `name` if it is in TEXTS or a file; argparse reports a ValueError."""
    if name not in TEXTS and not Path(name).is_file():
        raise ValueError(name)
    return name


def make_text(name: str, size: int, folder: Path) -> Path:
    """Write a file of about `size` bytes that repeats the text of that name."""
    content, path = TEXTS[name].encode(), folder / f"{name}.txt"
    with path.open("wb") as stream:
        for _ in range(max(2, size // len(content))):
            stream.write(content)
    return path


def time_encoding(text: Path, units: Sequence[Unit], rounds: int, folder: Path) -> list[Encoding]:
    """Time every program on `text`, in turn, `rounds` times. They write to `folder`."""
    programs = dict(programs_for(text, units, folder))
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for number, (name, run) in itertools.product(range(rounds), programs.items()):
        show_progress(f"round {number + 1} of {rounds}: {name}")
        time.sleep(SETTLE)
        seconds[name].append(measure_seconds(run)[0])
    show_progress()
    return [Encoding(name, text.stat().st_size, seconds[name]) for name in programs]


def programs_for(text: Path, units: Sequence[Unit], folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what is timed: charloop with each unit, from an empty cache; copying the file; Python's decoding."""
    for unit in units:
        yield f"charloop, {unit}", partial(encode, text, unit, folder / "cache")
    yield "copying", partial(copy, text, folder / "copy")
    yield "decoding", partial(decode, text)


def encode(text: Path, unit: Unit, cache: Path) -> None:
    """Do all that `charloop train` does before it has tokens: hash, decode, number, write, map."""
    shutil.rmtree(cache, ignore_errors=True)
    load_corpus([str(text)], unit=unit, cache=cache)


def copy(text: Path, target: Path) -> None:
    """Copy block by block through this process, as tokens go; the system's own short cuts copy nothing at all."""
    with text.open("rb") as source, target.open("wb") as copied:
        shutil.copyfileobj(source, copied, BLOCK_BYTES)


def decode(text: Path) -> None:
    """Decode the text with line ends normalized, and discard the result."""
    with open(text, encoding="utf-8") as stream:
        while stream.read(BLOCK_BYTES):
            pass


def print_encodings(text: str, encodings: Sequence[Encoding]) -> None:
    """Print one line per program: its megabytes per second, and their ratio to copying and to decoding."""
    rates = {encoding.program: encoding.rate for encoding in encodings}
    print(f"\n{text}, {encodings[0].size / 1e6:,.1f} MB")
    rows = []
    for encoding in encodings:
        low, high = (rate / 1e6 for rate in encoding.middle_half)
        ratios = (f"{encoding.rate / rates[name]:.2f}x" for name in ("copying", "decoding"))
        rows.append((encoding.program, f"{encoding.rate / 1e6:,.0f}", f"{low:,.0f}-{high:,.0f}", *ratios))
    print_table(("MB/s", "middle half", "to copying", "to decoding"), rows)


if __name__ == "__main__":
    main()
