"""The order of documents: the end of the text holds the end of each file, or of each folder."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloop.data import Corpus, load_corpus
from charloop.data.documents.order import spread_order

GROUPED = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=40)


def spread_slowly(sizes: list[int], groups: list[int]) -> list[int]:
    places = []
    for number, group in enumerate(groups):
        before = sum(size for size, other in zip(sizes[:number], groups, strict=False) if other == group)
        total = sum(size for size, other in zip(sizes, groups, strict=True) if other == group)
        places.append((before + Fraction(sizes[number], 2)) / total)
    return sorted(range(len(sizes)), key=lambda number: places[number])


@given(GROUPED)
def test_documents_are_in_the_order_of_their_places(documents: list[tuple[int, int]]) -> None:
    sizes, groups = ([one[part] for one in documents] for part in (0, 1))
    found = spread_order(np.array(sizes), np.array(groups)).tolist()
    assert found == spread_slowly(sizes, groups)


@given(GROUPED, st.integers(0, 40))
def test_every_end_of_the_text_has_the_same_share_of_each_group(
    documents: list[tuple[int, int]], last: int
) -> None:
    """But for half of the group's longest document, on both sides."""
    sizes, groups = (np.array([one[part] for one in documents]) for part in (0, 1))
    held = spread_order(sizes, groups)[-last:] if last else []
    shares, margins = [], []
    for group in np.unique(groups):
        total = sizes[groups == group].sum()
        shares.append(sum(sizes[one] for one in held if groups[one] == group) / total)
        margins.append(sizes[groups == group].max() / total / 2)
    for share, margin in zip(shares, margins, strict=True):
        for other, other_margin in zip(shares, margins, strict=True):
            assert abs(share - other) <= margin + other_margin + 1e-9


def read(names: list[Path], **options: Any) -> Corpus:
    options = {"documents": "line", "hold_out": "each-file"} | options
    return load_corpus(names, **options)


def held_out(corpus: Corpus, fraction: float = 0.2) -> str:
    return corpus.vocabulary.decode(corpus.tokens[corpus.split(fraction).validation]).strip("\n")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Ten lines of English, none, and twenty of accented letters."""
    (tmp_path / "a.txt").write_text("".join(f"{letter}{letter}\n" for letter in "abcdefghij"))
    (tmp_path / "b.txt").write_text("\n\n")
    (tmp_path / "c.txt").write_text("".join(f"{letter}{letter}\n" for letter in "àáâãäåæçèéêëìíîïðñòó"))
    return [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]


@pytest.mark.parametrize("options", [{}, {"unit": "byte"}, {"min_count": 2}])
def test_the_end_of_each_file_is_held_out(files: list[Path], options: dict[str, Any]) -> None:
    assert sorted(held_out(read(files, **options)).split()) == ["ii", "jj", "ðð", "ññ", "òò", "óó"]
    assert held_out(read(files, hold_out="end", **options)) == "îî\nïï\nðð\nññ\nòò\nóó"
    assert held_out(load_corpus(files, documents="line", **options)) == "îî\nïï\nðð\nññ\nòò\nóó"


def test_one_file_stays_in_order_and_a_seed_decides(files: list[Path]) -> None:
    alone = read(files[:1])
    assert alone.vocabulary.decode(alone.tokens) == "\n" + files[0].read_text()
    shuffled = [read(files, shuffle=3, hold_out=which).tokens.tolist() for which in ("each-file", "end")]
    assert shuffled[0] == shuffled[1]


def test_documents_without_a_known_character_count_too(files: list[Path]) -> None:
    accented = read(files[2:]).vocabulary
    corpus = read(files, vocabulary=accented, unknown="skip")
    assert corpus.tokens.tolist().count(accented.end_id) == 31
    assert held_out(corpus).split() == ["ðð", "ññ", "òò", "óó"]


def test_where_files_are_documents_the_end_of_each_folder_is_held_out(tmp_path: Path) -> None:
    for folder in ("poems/one", "poems/two"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(10):
            (tmp_path / folder / f"{number}.txt").write_text(f"{folder[-3:]}{number}")
    corpus = read([tmp_path / "poems"], documents="file")
    assert held_out(corpus).split() == ["one8", "two8", "one9", "two9"]
    assert held_out(read([tmp_path / "poems"], documents="file", hold_out="end")).split()[0] == "two6"
