"""The token cache: never stale, never incomplete, and never the cause of a failure."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from charloop.data import Corpus, Vocabulary, load_corpus, token_cache
from charloop.data.reading import EarlierReading
from charloop.data.sources import Source
from charloop.errors import CharloopError
from charloop.files.cache import cache_folder


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.txt"
    path.write_text("To be, or not to be")
    return path


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by one each time a text is tokenised."""
    made: list[str] = []
    original = token_cache.write_tokens

    def counted(request, stream, meter):  # type: ignore[no-untyped-def]
        made.append(request.name)
        return original(request, stream, meter)

    monkeypatch.setattr(token_cache, "write_tokens", counted)
    return made


def text_of(corpus: Corpus) -> str:
    return corpus.vocabulary.decode(corpus.tokens)


def entries() -> list[Path]:
    return sorted((cache_folder() / "tokens").iterdir())


def test_a_text_is_tokenised_once(book: Path, builds: list[str]) -> None:
    first, second = load_corpus([str(book)]), load_corpus([str(book)])
    assert len(builds) == 1
    assert first.tokens.tolist() == second.tokens.tolist()
    assert first.vocabulary == second.vocabulary
    assert [path.suffix for path in entries()] == [".json", ".tokens"]  # and no leftovers


def test_a_changed_text_is_never_served_from_the_cache(book: Path, builds: list[str]) -> None:
    load_corpus([str(book)])
    book.write_text("To be, or not to me")  # as long as before, in the same file
    assert text_of(load_corpus([str(book)])) == "To be, or not to me"
    assert len(builds) == 2


def test_everything_that_decides_the_tokens_is_in_the_key(book: Path, builds: list[str]) -> None:
    vocabulary = Vocabulary.of_text("To be, or not to be!")
    load_corpus([str(book)])
    load_corpus([str(book)], unit="byte")
    load_corpus([str(book)], encoding="latin-1")
    load_corpus([str(book)], vocabulary=vocabulary)
    load_corpus([str(book)], vocabulary=vocabulary, unknown="skip")
    assert len(builds) == 5
    load_corpus([str(book)], vocabulary=Vocabulary(vocabulary.symbols))
    load_corpus([str(book)], unit="byte", encoding="latin-1")  # bytes have no encoding
    assert len(builds) == 5


def test_another_cleaning_is_another_key(
    book: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_corpus([str(book)])
    monkeypatch.setattr("charloop.data.token_cache.FORMAT", 999)
    load_corpus([str(book)])
    assert len(builds) == 2


@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each block that is read from a text."""
    sizes: list[int] = []
    original = Source.blocks

    def counted(*given, **named):  # type: ignore[no-untyped-def]
        for block in original(*given, **named):
            sizes.append(len(block))
            yield block

    monkeypatch.setattr(Source, "blocks", counted)
    return sizes


@pytest.mark.parametrize("settings", [{}, {"unit": "byte"}, {"min_count": 2}])
def test_a_new_text_is_read_once_from_its_first_byte_to_its_last(
    book: Path, bytes_read: list[int], settings: dict[str, Any]
) -> None:
    load_corpus([str(book)], **settings)
    assert sum(bytes_read) == book.stat().st_size
    load_corpus([str(book)], **settings)
    assert sum(bytes_read) == 2 * book.stat().st_size  # to know that it is the same
    book.write_text("To be, or not to be!")  # longer: there is nothing that it could be
    load_corpus([str(book)], **settings)
    assert sum(bytes_read) == 3 * book.stat().st_size - 2


def test_resuming_a_run_uses_the_tokens_that_its_start_cached(book: Path, builds: list[str]) -> None:
    for min_count in (1, 2):
        begun = load_corpus([str(book)], min_count=min_count)
        again = load_corpus([str(book)], vocabulary=begun.vocabulary, earlier=EarlierReading())
        assert again.tokens.tolist() == begun.tokens.tolist()
        assert again.notes == begun.notes
    assert len(builds) == 2
    other = Vocabulary.of_text("To be, or not to be!")
    assert load_corpus([str(book)], vocabulary=other).vocabulary == other
    assert len(builds) == 3


def test_progress_is_reported_for_all_that_takes_time(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.progress.PAUSE_SECONDS", 0.0)
    book.write_text("bä" * 300_000)
    size, events = book.stat().st_size, []
    load_corpus([str(book)], listener=events.append)
    assert [one.done for one in events if one.doing == "reading"] == [262_144, 524_288, 786_432, size]
    assert {one.total for one in events if one.doing == "reading"} == {size}
    events.clear()
    load_corpus([str(book)], listener=events.append)
    assert {one.doing: one.done for one in events} == {
        "looking for its tokens": size,
        "checking the tokens": 600_000,
    }


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("suffix", [".tokens", ".json"])
def test_a_damaged_entry_is_built_again(book: Path, builds: list[str], damage, suffix: str) -> None:  # type: ignore[no-untyped-def]
    load_corpus([str(book)])
    damage(next(path for path in entries() if path.suffix == suffix))
    assert text_of(load_corpus([str(book)])) == "To be, or not to be"
    assert len(builds) == 2
    load_corpus([str(book)])
    assert len(builds) == 2


def test_a_refused_text_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text("aaaa")
    with pytest.raises(CharloopError):
        load_corpus([str(tmp_path / "same.txt")])
    assert entries() == []


def test_a_cache_folder_that_cannot_be_written_costs_only_a_note(book: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("")
    corpus = load_corpus([str(book)], cache=in_the_way)
    assert text_of(corpus) == "To be, or not to be"
    assert corpus.notes[0].startswith(f"tokens are not kept: cannot write to the cache folder {in_the_way}")


def test_a_full_disk_is_an_error_that_says_what_to_do(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(token_cache, "write_tokens", full)
    with pytest.raises(CharloopError, match=r"no space for the tokens.*No space left.*CHARLOOP_CACHE"):
        load_corpus([str(book)])
    assert entries() == []


def test_old_leftovers_of_a_killed_process_are_removed(book: Path) -> None:
    folder = cache_folder() / "tokens"
    folder.mkdir(parents=True)
    for name, age in (("old.part", 90_000), ("young.part", 80_000), ("old.tokens", 90_000)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    load_corpus([str(book)])
    assert {path.name for path in entries()} & {"old.part", "young.part", "old.tokens"} == {
        "young.part",
        "old.tokens",
    }


def test_the_cache_is_in_the_requested_folder(
    book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_corpus([str(book)], cache=tmp_path / "mine")
    assert len(list((tmp_path / "mine" / "tokens").iterdir())) == 2
    monkeypatch.delenv("CHARLOOP_CACHE")
    assert cache_folder().name == "charloop"


def test_two_processes_at_once_both_get_it_right(book: Path) -> None:
    book.write_text("To be, or not to be\n" * 5000)
    program = (
        "import sys; from charloop.data import load_corpus\n"
        "corpus = load_corpus([sys.argv[1]])\n"
        "assert corpus.vocabulary.decode(corpus.tokens) == open(sys.argv[1]).read(); print(corpus.notes)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(book)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["()"] * 3
    assert [path.suffix for path in entries()] == [".json", ".tokens"]
