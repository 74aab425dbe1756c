"""One well-formed file that loads nothing, for any names and texts; the same bytes each time."""

import base64
import hashlib
import re
import string
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from charloop.analysis import Atlas, Finding, Gate, Passage, Predictions, Reach, StateUnit
from charloop.data import Vocabulary
from charloop.display import INVISIBLE, show_character
from charloop.display.markup import KEPT, load_templates, readable
from charloop.figures import read_curves
from charloop.originality import Originality
from charloop.report import render_page
from charloop.report.excerpt import excerpt_of
from charloop.report.values import Mapped, Report, Sampled, ShownUnit, Written
from report.networks import LONG, SENTENCE, folder_of, report_of
from report.reading import attributes, data_of, numbers, read, section, visible

SECTIONS = ("curves", "samples", "surprise", "atlas", "gates", "reach", "originality")
CJK = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
HOSTILE = "</script><script>alert(1)</script><!-- <b>&amp;\u202egnp.\u2066\x00\x07\x1b[31m\ud800\u200b👩\u200d🚀é\r\n"


def test_all_sections_are_there_and_linked_to(whole: str) -> None:
    ids = [found.get("id") for tag, found in read(whole).elements if tag == "section"]
    assert ids == list(SECTIONS)
    links = [found["href"] for tag, found in read(whole).elements if tag == "a"]
    assert links == [f"#{name}" for name in SECTIONS]
    assert [name for name in SECTIONS if 'class="missing"' in section(whole, name)] == ["samples"]


def test_a_page_fetches_nothing(whole: str) -> None:
    """No address in it, and a policy that allows none: only the script and the style that it was made with."""
    assert not re.search(r"https?:|//[a-z]|url\(|@import|srcset", whole)
    assert not {"src", "style", "onclick", "onload"} & set(attributes(whole))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', whole)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    scripts = re.findall(r"<script>(.*?)</script>", whole, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", whole, re.DOTALL)
    assert len(scripts) == len(styles) == 1
    for kind, (content,) in (("script", scripts), ("style", styles)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]


def test_every_picture_has_words(whole: str) -> None:
    for tag, found in read(whole).elements:
        if tag == "svg":
            assert found.get("aria-label") or found.get("aria-hidden") == "true"


@pytest.mark.slow
def test_the_same_run_has_the_same_page_to_the_byte(
    tmp_path: Path, whole: str, whole_report: tuple[Report, Vocabulary]
) -> None:
    """Except for its folder's path, which is among the facts."""
    report, vocabulary = report_of(tmp_path / "whole", LONG, training=SENTENCE * 9)
    assert render_page(replace(report, facts=whole_report[0].facts), vocabulary) == whole


@pytest.mark.slow
def test_another_seed_writes_other_texts(tmp_path: Path, whole: str) -> None:
    report, vocabulary = report_of(tmp_path / "whole", LONG, training=SENTENCE * 9, seed=1)
    other = render_page(report, vocabulary)
    assert section(other, "originality") != section(whole, "originality")
    assert section(other, "surprise") == section(whole, "surprise")


def test_hostile_texts_and_names(tmp_path: Path) -> None:
    """A text is text, wherever it comes from: what is shown is the text itself, or a symbol for it."""
    text = HOSTILE * 30
    report, vocabulary = report_of(tmp_path / "<b>&\"'<h3>", text, training=text)
    made = render_page(report, vocabulary)
    reader = read(made)
    assert [tag for tag, _ in reader.elements].count("script") == 2
    assert "b" not in {tag for tag, _ in reader.elements}
    assert ("h1", "<b>&\"'<h3>") in reader.texts
    assert "alert(1)" in visible(made)
    shown = set(made)
    assert not {"\u202e", "\u2066", "\x00", "\x07", "\x1b", "\ud800", "\u200b", "\r"} & shown
    made.encode("utf-8")
    assert "<" not in made.partition('id="data">')[2].partition("</script>")[0]
    embedded = data_of(made)
    text_again = "".join(embedded["symbols"][number][0] or "?" for number in numbers(embedded["text"], "<u2"))
    assert text_again.startswith(
        "</script><script>alert(1)</script><!-- <b>&amp;?gnp.????[31m??👩?🚀é?\n</scr"
    )


@given(st.text(max_size=30))
def test_escaped_text_reads_as_the_original(text: str) -> None:
    shown = visible(load_templates("charloop.report").from_string("<p>{{ text }}</p>").render(text=text))
    assert shown == readable(text)
    assert readable(text) == text or any(show_character(one) != one for one in text)


@given(st.characters(exclude_categories=[]))
def test_no_symbol_is_invisible(character: str) -> None:
    found = show_character(character)
    assert found.strip()
    assert not any(unicodedata.category(one) in INVISIBLE for one in found)
    assert character in KEPT or not any(unicodedata.category(c) in INVISIBLE for c in readable(character))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(HOSTILE, min_size=12, max_size=12), st.binary(min_size=12, max_size=12)))
def test_any_text_makes_a_page(tmp_path_factory: pytest.TempPathFactory, text: str | bytes) -> None:
    vocabulary = Vocabulary.of_text(HOSTILE) if isinstance(text, str) else Vocabulary.of_bytes()
    report, vocabulary = report_of(tmp_path_factory.mktemp("runs") / "run", text, vocabulary=vocabulary)
    made = render_page(report, vocabulary)
    read(made)
    made.encode("utf-8")


def test_two_megabytes_hold_a_large_network(tmp_path: Path) -> None:
    """The most that a page may show of 3 x 512 units, with a vocabulary whose symbols are long, all random."""
    chance = np.random.default_rng(0)
    vocabulary = Vocabulary.of_text(CJK + string.printable)
    curves, samples = (
        read_curves(folder_of(tmp_path / "run", vocabulary, 5000, *range(100, 5000, 100)), "", "steps"),
        [],
    )
    for step in range(8):
        samples.append(
            Sampled(step, tuple((t, "".join(chance.choice([*CJK], 300))) for t in ("0.5", "0.8", "1")), 1.0)
        )
    ids = chance.integers(0, vocabulary.size, 20_000)
    excerpt = excerpt_of(vocabulary, "a text", ids)
    likeliest = chance.integers(0, vocabulary.size, (19_999, 5))
    predictions = Predictions(
        chance.random(19_999).astype(np.float32) * 20,
        likeliest,
        chance.random((19_999, 5)).astype(np.float32),
    )
    finding = Finding(StateUnit(2, "hidden", 511), "vowel", 0.5, 0.1, -1)
    passages = tuple(Passage(start, start + 90, start + 45) for start in (0, 100, 200))
    units = [
        ShownUnit(
            finding.unit, finding, chance.random(20_000), chance.random(20_000) > 0.5, (0.2, 0.3), passages
        )
        for _ in range(24)
    ]
    gates = tuple(
        Gate(n, name, chance.random(512) / 2, chance.random(512) / 2) for n in range(3) for name in "ifo"
    )
    mapped = Mapped(Atlas((finding,) * 24, (), ()), tuple(units), excerpt)
    part = excerpt_of(vocabulary, "", ids[:2000])
    written = tuple(Written(t, part, Originality(2000, 500, 9, 0.5, 30)) for t in (0.2, 0.5, 0.8, 1.0))
    reach = Reach(chance.random(100).astype(np.float32))
    report = Report(
        *(
            "large",
            (),
            "character",
            curves,
            tuple(samples),
            excerpt,
            predictions,
            mapped,
            gates,
            reach,
            written,
        )
    )
    assert 1_500_000 < len(render_page(report, vocabulary).encode()) < 2_000_000
