"""Large texts in little memory, measured from outside the process: tens of megabytes; gigabytes in slow tests."""

from pathlib import Path

import pytest

from choosing import slow
from data.measure import MEGABYTE, python, watch

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to look at here")

SIZE = 96 * MEGABYTE
IDLE = "import sys, time; from charloop.data import Chunks, load_corpus; time.sleep(0.2)"
ENCODE = """
import sys, time
from charloop.data import load_corpus
corpus = load_corpus([sys.argv[1]], unit=sys.argv[2], min_count=int(sys.argv[3]))
print(len(corpus.tokens))
time.sleep(0.1)
"""
TRAIN = """
import sys, time
from charloop.data import Chunks, load_corpus
corpus = load_corpus([sys.argv[1]], unit="byte")
chunks = Chunks(corpus.tokens, 32, 4096)
for index in range(chunks.chunks_per_epoch):
    chunks.chunk(index)
time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of letters of one and two bytes; a letter that occurs only at the end changes every token."""
    path = tmp_path_factory.mktemp("large") / "large.txt"
    line = "Der größte Teil eines langen Textes ist wie der Rest: äöü.\r\n".encode()
    with path.open("wb") as stream:
        for _ in range(SIZE // len(line) // 1000):
            stream.write(line * 1000)
        stream.write(b"!" + "".join(map(chr, range(0x4E00, 0x4E00 + 300))).encode())
    return path


@pytest.fixture(scope="module")
def idle() -> int:
    """The memory of Python and charloop's imports."""
    return watch(python(IDLE)).own


@pytest.mark.parametrize(("unit", "min_count"), [("char", "2"), slow(("char", "1")), slow(("byte", "1"))])
def test_encoding_does_not_hold_the_text_in_memory(text: Path, idle: int, unit: str, min_count: str) -> None:
    peak = watch(python(ENCODE, str(text), unit, min_count))
    assert int(peak.output) > SIZE * 0.9
    assert peak.own < idle + 40 * MEGABYTE
    assert peak.mapped < 100 * MEGABYTE


def test_an_epoch_keeps_no_more_pages_than_it_says(text: Path) -> None:
    """Of the tokens' 96 MB, 16 MB at a time."""
    files = watch(python(IDLE)).mapped
    assert watch(python(TRAIN, str(text))).mapped < files + 32 * MEGABYTE
