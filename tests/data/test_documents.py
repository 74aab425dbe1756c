"""Documents: cut as a slow twin cuts them, whatever the blocks; never in two parts of a split; in a random order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from charloop.data import Corpus, Vocabulary, load_corpus
from charloop.data.documents.cutting import BYTE_MARK, MARK, DocumentCutter, DocumentRule
from charloop.data.documents.order import find_ends, gather_documents
from charloop.errors import CharloopError

RULES = ("line", "blank-line", "file", "--", "-a-", r"\n--\n", "aab", "a", r"\t", r"\\")
TEXTS = st.text(st.sampled_from("ab-\n\n \t\\"), max_size=30)


def divide(text: str, name: str) -> list[str]:
    """The documents of a whole text, one after the other."""
    if name == "blank-line":
        found = [""]
        for line in text.split("\n"):
            found[-1:] = [found[-1] + line + "\n"] if line.strip(" \t") else [found[-1], ""]
    elif name == "file":
        found = [text]
    else:
        found = text.split("\n" if name == "line" else DocumentRule(name).separator)
    return [document.strip("\n") for document in found if document.strip("\n")]


def cut(text: str, name: str, sizes: list[int], mark: str = MARK) -> str:
    """The marked text, read in blocks of these sizes, over and over."""
    cutter, made, start = DocumentCutter(DocumentRule(name), mark), "", 0
    for size in sizes * (len(text) + 1):
        made += cutter.feed(text[start : start + size])
        start += size
    return made + cutter.end_file()


def marked(documents: list[str], mark: str = MARK) -> str:
    return "".join(mark + document for document in documents) + mark if documents else ""


@settings(max_examples=400)
@given(TEXTS, st.sampled_from(RULES), st.lists(st.integers(1, 5), min_size=1, max_size=4))
@example("a\n--\n\n--\nb", r"\n--\n", [1])
@example("aaab", "aab", [1])
@example("  \n\na\n \n", "blank-line", [2])
def test_documents_are_those_of_the_whole_text_whatever_the_blocks(
    text: str, name: str, sizes: list[int]
) -> None:
    assert cut(text, name, sizes) == marked(divide(text, name))


@given(TEXTS, st.sampled_from(RULES), st.integers(1, 5))
def test_bytes_are_cut_as_characters(text: str, name: str, size: int) -> None:
    assert cut(text, name, [size], BYTE_MARK) == marked(divide(text, name), BYTE_MARK)


def test_a_separator_of_any_characters_divides_bytes(tmp_path: Path) -> None:
    text = "é→☃→☃ab→c→☃☃"
    documents = divide(text, "→☃")
    assert documents == ["é", "ab→c", "☃"]
    vocabulary = Vocabulary.of_bytes("→☃")
    wanted = [256] + [token for one in documents for token in [*one.encode(), 256]]
    assert read(tmp_path, text, documents="→☃", unit="byte").tokens.tolist() == wanted
    assert vocabulary.encode_text(text).tolist() == wanted


@pytest.mark.parametrize("name", ["file", "--"])
def test_very_many_line_ends_are_no_work(name: str) -> None:
    text = "a" + "\n" * 300_000
    for whole, document in ((text + "b", text + "b"), (text, "a")):
        cutter = DocumentCutter(DocumentRule(name))
        assert cutter.feed(whole) + cutter.end_file() == marked([document])


@pytest.mark.parametrize("name", ["line", "blank-line", "--"])
def test_windows_line_ends_of_bytes_separate_too(name: str) -> None:
    between = {"line": "\r\n", "blank-line": "\r\n\r\n", "--": "\r\n--\r\n"}[name]
    text = f"\r\nab{between}c{between}\r\n"
    assert [cut(text, name, [size], BYTE_MARK) for size in range(1, 9)] == [
        marked(["ab", "c"], BYTE_MARK)
    ] * 8


@pytest.mark.parametrize("name", ["", "\\n", "\n\n", "\r", "-" * 101])
def test_a_rule_that_divides_nothing_is_refused(name: str) -> None:
    with pytest.raises(CharloopError) as refused:
        DocumentRule(name)
    assert refused.value.what == "--documents"


def test_the_mark_in_a_text_is_refused() -> None:
    with pytest.raises(CharloopError, match=r"U\+10FFFF"):
        DocumentCutter(DocumentRule("line")).feed(f"a{MARK}", "book.txt")


def test_a_rule_says_what_to_write_between_documents() -> None:
    joints = {name: DocumentRule(name).joint for name in ("line", "blank-line", "file", "--", r"\n--\n")}
    assert joints == {"line": "\n", "blank-line": "\n\n", "file": "\n\n", "--": "\n--\n", r"\n--\n": "\n--\n"}


def read(tmp_path: Path, *texts: str | bytes, **settings: object) -> Corpus:
    """The corpus of these files."""
    paths = [tmp_path / f"{number}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_corpus(paths, **settings)  # type: ignore[arg-type]


def documents_of(corpus: Corpus, part: slice = slice(None)) -> list[str]:
    """The documents in a part of it."""
    tokens, end = corpus.tokens[part], corpus.vocabulary.end_id
    assert end is not None
    ends = find_ends(tokens, end)
    assert ends[0] == 0
    assert ends[-1] == len(tokens) - 1
    return [corpus.vocabulary.decode(piece[:-1]) for piece in np.split(tokens, ends + 1)[1:-1]]


def test_every_token_of_two_files(tmp_path: Path) -> None:
    corpus = read(tmp_path, "ba\n\nc", "b\r\na\n", documents="line")
    assert corpus.vocabulary == Vocabulary(("a", "b", "c"), documents="line")
    assert corpus.tokens.tolist() == [3, 1, 0, 3, 2, 3, 1, 3, 0, 3]
    assert corpus.notes == (
        "normalised 1 CRLF line end to LF",
        "left out 1 empty line",
    )
    assert documents_of(read(tmp_path, "ba\n\nc", "b\na\n", documents="file")) == ["ba\n\nc", "b\na"]


def test_rare_characters_and_the_end_have_symbols_of_their_own(tmp_path: Path) -> None:
    corpus = read(tmp_path, "aa\nab\naa\n", documents="line", min_count=2)
    assert (corpus.vocabulary.symbols, corpus.vocabulary.end_id, corpus.vocabulary.unknown_id) == (
        ("a",),
        1,
        2,
    )
    assert corpus.tokens.tolist() == [1, 0, 0, 1, 0, 2, 1, 0, 0, 1]


def test_a_byte_has_its_value_and_the_end_comes_after_them(tmp_path: Path) -> None:
    corpus = read(tmp_path, b"\x00\xff\r\n\x07\n", documents="line", unit="byte")
    assert corpus.tokens.tolist() == [256, 0, 255, 256, 7, 256]
    assert Vocabulary.from_json(corpus.vocabulary.to_json()) == corpus.vocabulary


def test_a_vocabulary_reads_texts_as_the_corpus_that_made_it(tmp_path: Path) -> None:
    for unit in ("char", "byte"):
        corpus = read(tmp_path, "ab\nc\n", documents="line", unit=unit)
        again = read(tmp_path, "c\n\nab", vocabulary=corpus.vocabulary)
        assert documents_of(again) == ["c", "ab"]
        assert corpus.vocabulary.encode_text("c\n\nab").tolist() == again.tokens.tolist()


def test_an_unknown_character_is_named_by_its_line(tmp_path: Path) -> None:
    known = read(tmp_path, "ab\nc\n", documents="line").vocabulary
    with pytest.raises(CharloopError, match="line 3, column 2"):
        read(tmp_path, "ab\n\nax\n", vocabulary=known)


@pytest.mark.parametrize("text", ["", "\n\n", "a"])
def test_a_text_without_two_tokens_to_learn_is_refused(tmp_path: Path, text: str) -> None:
    if text == "a":
        assert documents_of(read(tmp_path, text, documents="line")) == ["a"]
    else:
        with pytest.raises(CharloopError, match="is empty"):
            read(tmp_path, text, documents="line")


LISTS = st.lists(st.text("ab", min_size=1, max_size=6), min_size=4, max_size=60)


@settings(max_examples=60, deadline=None)
@given(LISTS, st.sampled_from([0.0, 0.1, 0.3]), st.sampled_from([0.0, 0.2]), st.none() | st.integers(0, 3))
def test_no_document_is_in_two_parts_and_none_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[str],
    validation: float,
    test: float,
    shuffle: int | None,
) -> None:
    folder = tmp_path_factory.mktemp("split")
    corpus = read(folder, "\n".join(["ab", *lines]), documents="line", shuffle=shuffle)
    try:
        cut = corpus.split(validation, test)
    except CharloopError as error:
        assert "too few documents" in str(error) or "too small to split" in str(error)  # noqa: PT017
        return
    wanted = [(cut.train, True), (cut.validation, validation > 0), (cut.test, test > 0)]
    assert [size > 0 for size in cut.sizes] == [want for _, want in wanted]
    parts = [documents_of(corpus, part) for part, want in wanted if want]
    assert all(parts)
    together = [document for part in parts for document in part]
    assert together == ["ab", *lines] if shuffle is None else sorted(together) == sorted(["ab", *lines])


def test_a_split_is_the_nearest_end_before_the_fraction(tmp_path: Path) -> None:
    corpus = read(tmp_path, "ab\n" * 10, documents="line")
    assert len(corpus.tokens) == 31
    assert corpus.split(0.1) == (cut := corpus.split(0.12))
    assert (cut.train, cut.validation, cut.sizes[2]) == (slice(0, 28), slice(27, 31), 0)


def test_the_order_depends_on_the_seed_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{number:03}" for number in range(300)]
    made = [
        documents_of(read(tmp_path, "\n".join(lines), documents="line", shuffle=seed)) for seed in (1, 1, 2)
    ]
    assert made[0] == made[1] != made[2] != lines
    assert sorted(made[0]) == sorted(made[2]) == lines
    assert [int(one) for one in made[0]] == np.random.RandomState(1).permutation(300).tolist()
    monkeypatch.setattr("charloop.data.documents.order.BLOCK_TOKENS", 7)
    monkeypatch.setattr("charloop.data.token_file.RELEASE_TOKENS", 11)
    monkeypatch.setenv("CHARLOOP_CACHE", str(tmp_path / "other"))
    assert documents_of(read(tmp_path, "\n".join(lines), documents="line", shuffle=1)) == made[0]


def test_long_documents_are_shuffled_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charloop.data.documents.order.BLOCK_TOKENS", 7)
    random = np.random.RandomState(0)
    documents = [
        np.append(np.full(size, number), 99) for number, size in enumerate(random.randint(0, 30, 60))
    ]
    tokens = np.concatenate([[99], *documents])
    order = random.permutation(60)
    blocks = list(gather_documents(tokens, find_ends(tokens, 99), order))
    assert np.concatenate(blocks).tolist() == np.concatenate([documents[index] for index in order]).tolist()
    assert max(map(len, blocks)) <= 14


def test_a_hundred_thousand_documents_of_one_character(tmp_path: Path) -> None:
    corpus = read(tmp_path, "a\nb\n" * 50_000, documents="line", shuffle=0)
    assert len(corpus.tokens) == 200_001
    assert corpus.tokens[::2].tolist() == [2] * 100_001
    assert corpus.tokens[1::2].sum() == 50_000


def test_to_shuffle_one_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CharloopError, match="--shuffle"):
        read(tmp_path, "abc", shuffle=1)
