"""Any text to tokens: exact, streamed, cached by content, with clear errors for texts that cannot be used."""

import hashlib
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.data import Corpus, Vocabulary, load_corpus
from charloop.data.sources import BLOCK_BYTES
from charloop.errors import CharloopError


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(name: str, content: str | bytes) -> str:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def text_of(corpus: Corpus) -> str:
    return corpus.vocabulary.decode(corpus.tokens)


def test_every_token_of_a_small_file() -> None:
    corpus = load_corpus([put("book.txt", "abba\n")])
    assert corpus.tokens.tolist() == [1, 2, 2, 1, 0]
    assert corpus.tokens.dtype == np.uint8
    assert isinstance(corpus.tokens, np.memmap)
    assert not corpus.tokens.flags.writeable
    assert corpus.vocabulary.symbols == ("\n", "a", "b")
    assert corpus.content_hash == hashlib.sha256(b"abba\n").hexdigest()
    assert (corpus.description, corpus.suggested_name, corpus.notes) == ("book.txt", "book", ())


@settings(max_examples=30)
@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=2))
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    text = "ab" + text
    assert text_of(load_corpus([put("any.txt", text)])) == text


def test_case_is_kept() -> None:
    assert text_of(load_corpus([put("a", "Aa bB")])) == "Aa bB"


def test_bytes_are_never_changed() -> None:
    content = b"\xef\xbb\xbfa\r\nb\r\x00\xff" + bytes(range(256))
    corpus = load_corpus([put("any.bin", content)], unit="byte")
    assert corpus.tokens.tobytes() == content
    assert corpus.tokens.dtype == np.uint8
    assert corpus.vocabulary == Vocabulary.of_bytes()
    assert corpus.notes == ()
    two = load_corpus([put("a.bin", b"ab"), put("b.bin", b"cd")], unit="byte")
    assert two.tokens.tobytes() == b"abcd"


def test_line_ends_are_normalised_and_reported_cold_and_warm() -> None:
    put("dos.txt", "a\r\nb\rc\r\n")
    for _ in ("cold", "warm"):
        corpus = load_corpus(["dos.txt"])
        assert text_of(corpus) == "a\nb\nc\n"
        assert corpus.notes == (
            "normalised 2 CRLF line ends to LF",
            "normalised 1 bare CR line end to LF",
        )


def test_a_file_ends_its_line_before_the_next_begins() -> None:
    put("1.txt", "one")
    put("2.txt", "")
    put("3.txt", "three\n")
    put("4.txt", "four")
    assert text_of(load_corpus(["1.txt", "2.txt", "3.txt", "4.txt"])) == "one\nthree\nfour"


def test_more_than_256_characters_take_two_bytes_each() -> None:
    text = "".join(map(chr, range(0x100, 0x200))) + "a"
    corpus = load_corpus([put("many.txt", text)])
    assert corpus.tokens.dtype == np.uint16
    assert text_of(corpus) == text
    assert load_corpus([put("fewer.txt", text[:-1])]).tokens.dtype == np.uint8


@pytest.mark.parametrize("content", ["", "\ufeff"])
def test_an_empty_file(content: str) -> None:
    with pytest.raises(CharloopError, match=r"empty.txt is empty"):
        load_corpus([put("empty.txt", content)])


def test_an_empty_file_of_bytes() -> None:
    with pytest.raises(CharloopError, match=r"empty.bin is empty"):
        load_corpus([put("empty.bin", "")], unit="byte")


def test_one_character() -> None:
    with pytest.raises(CharloopError, match=r"one.txt holds one character; allowed: two"):
        load_corpus([put("one.txt", "é")])


@pytest.mark.parametrize("unit", ["char", "byte"])
def test_one_distinct_character(unit: str) -> None:
    with pytest.raises(CharloopError, match=r"same.txt holds one character over and over"):
        load_corpus([put("same.txt", "a" * 1000)], unit=unit)  # type: ignore[arg-type]


def test_a_binary_file_is_refused_as_characters_and_accepted_as_bytes() -> None:
    put("a.out", b"\x7fELF\x00\x00\x01")
    with pytest.raises(CharloopError, match="--unit byte"):
        load_corpus(["a.out"])
    assert len(load_corpus(["a.out"], unit="byte").tokens) == 7


def test_a_given_vocabulary_decides_the_tokens_and_the_unit() -> None:
    vocabulary = Vocabulary.of_text("abc\n")
    corpus = load_corpus([put("other.txt", "cab")], vocabulary=vocabulary)
    assert corpus.vocabulary == vocabulary
    assert corpus.tokens.tolist() == [3, 1, 2]
    assert load_corpus([put("e.txt", "é")], vocabulary=Vocabulary.of_bytes()).tokens.tolist() == [0xC3, 0xA9]
    assert load_corpus([put("same.txt", "aaa")], vocabulary=vocabulary).tokens.tolist() == [1, 1, 1]


def test_an_unknown_character_is_refused_with_file_and_position() -> None:
    put("good.txt", "ab\n" * 10)
    put("bad.txt", "ab\r\nabé\n")
    with pytest.raises(CharloopError) as refused:
        load_corpus(["good.txt", "bad.txt"], vocabulary=Vocabulary.of_text("abe\n"))
    assert "bad.txt, line 2, column 3: the character 'é' (U+00E9)" in str(refused.value)
    assert "nearest are 'e'" in str(refused.value)
    assert "--unknown skip" in str(refused.value)


@pytest.mark.parametrize("start", ["", "x\n", "xy"])
def test_its_position_is_right_in_any_block(start: str) -> None:
    long = start + "ab\n" * BLOCK_BYTES + "ab"
    lines = long.count("\n") + 1
    with pytest.raises(CharloopError, match=f"line {lines}, column 3: the character 'é'"):
        load_corpus([put("long.txt", long + "é")], vocabulary=Vocabulary.of_text("abxy\n"))
    flat = "ab" * BLOCK_BYTES
    with pytest.raises(CharloopError, match=f"line 1, column {len(flat) + 1}: the character 'é'"):
        load_corpus([put("flat.txt", flat + "é")], vocabulary=Vocabulary.of_text("ab"))


def test_skipped_characters_are_counted_and_not_cached_for_strict_reading() -> None:
    vocabulary = Vocabulary.of_text("ab")
    corpus = load_corpus([put("other.txt", "aéb€a")], vocabulary=vocabulary, unknown="skip")
    assert corpus.tokens.tolist() == [0, 1, 0]
    assert corpus.notes == ("skipped 2 characters that are not in the vocabulary",)
    with pytest.raises(CharloopError, match="line 1, column 2"):
        load_corpus(["other.txt"], vocabulary=vocabulary)


def test_the_content_hash_depends_on_content_and_not_on_names() -> None:
    one, same, other = put("one.txt", "ab"), put("same.md", "ab"), put("other.txt", "ac")
    hashes = [load_corpus([name]).content_hash for name in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert (
        load_corpus([put("a", "ab"), put("b", "c")]).content_hash
        != load_corpus([put("abc", "abc")]).content_hash
    )


def test_a_mistake_in_the_encoding_is_found_before_anything_is_read() -> None:
    with pytest.raises(CharloopError, match="unknown encoding: got 'utf9'"):
        load_corpus(["nowhere"], encoding="utf9")


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    def peak(megabytes: int) -> int:
        with Path("long.txt").open("wb") as stream:
            for _ in range(megabytes):
                stream.write(b"0123456789abcde\r\n" * 65536)
        tracemalloc.start()
        try:
            load_corpus(["long.txt"], cache=tmp_path / str(megabytes))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(12) < peak(3) + 1_000_000


def test_a_text_that_changes_while_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    put("log.txt", "ab")
    monkeypatch.setattr("charloop.data.sources.Source.size", lambda _source: 1)  # what it was before
    with pytest.raises(CharloopError, match=r"log.txt changed while it was read"):
        load_corpus(["log.txt"])


def test_the_data_package_needs_no_jax() -> None:
    program = (
        "import sys, charloop.data as d; d.corpora(); print('jax' in sys.modules, 'pooch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]
