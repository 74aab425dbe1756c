"""Each section's numbers against a slow reference, and templates with hostile texts."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

from charloop.analysis import DETECTORS, Gate, Passage, Predictions, find_units, record_units
from charloop.baselines import Baseline, Baselines
from charloop.checkpoint import RunFolder
from charloop.data import Vocabulary
from charloop.figures import Curves, Line
from charloop.originality import Originality
from charloop.report import Missing, Report, gather_report, render_page
from charloop.report.atlas import UNTRAINED_NETWORKS, describe_untrained, score_untrained, split_passage
from charloop.report.copies import view_copies
from charloop.report.excerpt import Excerpt, excerpt_of
from charloop.report.figure_sections import rank_losses, view_curves, view_gates
from charloop.report.samples import view_samples
from charloop.report.surprise import MAX_LISTED, describe_surprise, list_greatest, sum_kinds
from charloop.report.values import Sampled, Written
from charloop.trained import load_trained_model
from report.networks import LONG, SENTENCE, network, sources
from report.reading import read, section, visible

OLD_RUN = Path(__file__).parents[1] / "checkpoint/old_run/run"
TEXT = SENTENCE * 3
VOCABULARY = Vocabulary.of_text(TEXT)
BASELINES = Baselines((Baseline("unigram", 3.0), Baseline("bz2", 1.0), Baseline("2-gram", 2.0)), 9, 9, 9, 9)


def excerpt() -> Excerpt:
    return excerpt_of(VOCABULARY, "a text", VOCABULARY.encode(TEXT))


def predictions() -> Predictions:
    """Different bits everywhere; three characters with their chances."""
    random, length = np.random.default_rng(0), len(TEXT) - 1
    chances = -np.sort(-random.dirichlet(np.ones(3), length), axis=1)
    likeliest = random.integers(0, VOCABULARY.size, (length, 3))
    return Predictions((8 * random.random(length)).astype(np.float32), likeliest, chances.astype(np.float32))


def curves(*validation: float, baselines: Baselines | None = None) -> Curves:
    x = np.arange(1.0, 101)
    own = Line(np.linspace(50, 100, len(validation)), np.array(validation))
    return Curves("a", Line(x, 4 - 3 * x / 100), own, baselines)


def test_the_summary_of_the_surprise() -> None:
    bits = np.array([0.0, *[0.5] * 6, *[2.0] * 3, 4.0])
    said = describe_surprise(replace(excerpt(), characters=tuple("abcdefghijk"), total=10**6), bits)
    assert "11 characters of 1,000,000. They cost 1.30 bits each" in said
    assert f"a choice among {2**1.3:.1f} equally likely characters" in said
    assert "60% cost less than one bit" in said
    assert f"The most expensive tenth of the characters costs {4 / 13:.0%} of all bits." in said


def test_the_greatest_surprises_are_those_of_a_sorted_list() -> None:
    found = predictions()
    bits = np.concatenate([[0.0], found.bits])
    listed = list_greatest(excerpt(), found, bits, VOCABULARY)
    expected = sorted(range(1, len(TEXT)), key=lambda position: -bits[position])[:MAX_LISTED]
    shown = {" ": "␣", "\n": "↵"}
    named = {" ": "space", "\n": "new line"}
    for row, position in zip(listed, expected, strict=True):
        assert row["bits"] == f"{bits[position]:.1f}"
        assert row["symbol"] == shown.get(TEXT[position], TEXT[position])
        before = TEXT[max(0, position - 24) : position]
        assert row["before"] == "".join(shown.get(one, one) for one in before)
        guesses = [VOCABULARY.symbols[token] for token in found.likeliest[position - 1]]
        chances = found.chances[position - 1]
        guessed = [f"{named.get(c, c)} {p:.0%}" for c, p in zip(guesses, chances, strict=True)]
        assert row["expected"] == ", ".join(guessed)


def test_the_bits_by_kind_are_counted_one_by_one() -> None:
    bits = np.concatenate([[0.0], predictions().bits])
    sums: dict[str, list[float]] = {}
    for position in range(1, len(TEXT)):
        here, before = TEXT[position], TEXT[position - 1]
        kind = "punctuation and other symbols"
        if here.isalpha():
            kind = "later letter of a word" if before.isalpha() else "first letter of a word"
        elif here in " \n":
            kind = {" ": "space", "\n": "new line"}[here]
        sums.setdefault(kind, []).append(float(bits[position]))
    every = [one for own in sums.values() for one in own]
    expected = {
        kind: (f"{len(own) / len(every):.0%}", f"{sum(own) / sum(every):.0%}", f"{sum(own) / len(own):.2f}")
        for kind, own in sums.items()
    }
    rows = sum_kinds(excerpt(), bits)
    assert {kind: tuple(numbers) for kind, *numbers in rows} == expected
    assert [float(row[3]) for row in rows] == sorted((float(row[3]) for row in rows), reverse=True)


def test_the_network_is_ranked_among_the_baselines_by_loss() -> None:
    rows = rank_losses(curves(2.5, 1.5, 1.75, baselines=BASELINES))
    assert [row["name"] for row in rows] == ["unigram", "2-gram", "this network, at its best", "bz2"]
    assert [row["is_network"] for row in rows] == [False, False, True, False]
    assert rows[2]["nats"] == "1.500"
    assert rows[2]["bits"] == f"{1.5 / math.log(2):.3f}"
    assert rank_losses(curves(2.5)) == []


def test_the_loss_figure_has_each_baseline_dot_and_tick() -> None:
    wide, narrow = view_curves(curves(2.5, 1.5, baselines=BASELINES))["drawings"]
    for drawing in (wide, narrow):
        tags = [(shape.tag, shape.attributes.get("class")) for shape in drawing.shapes]
        assert tags.count(("line", "baseline")) == 3
        assert tags.count(("circle", "validation")) == 2
        assert tags.count(("polyline", "training")) == tags.count(("polyline", "validation")) == 1
        texts = [shape.content for shape in drawing.shapes if shape.tag == "text"]
        assert {"updates", "loss (nats per character)", "bits per character", "unigram", "2-gram"} <= set(
            texts
        )
    assert len(view_curves(curves(*[2.0] * 41))["drawings"][0].shapes) < 40, "no dots on a long run"


@pytest.mark.slow
def test_untrained_scores_are_those_of_networks_made_one_by_one() -> None:
    text = LONG
    made, studied = network(VOCABULARY), excerpt_of(VOCABULARY, "", VOCABULARY.encode(text))
    names = ["vowel", "in a word"]
    found = score_untrained(made, studied, names)
    expected: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(UNTRAINED_NETWORKS):
        beginner = replace(made, params=made.model.init(jax.random.key(seed)))
        atlas = find_units(
            record_units(beginner, VOCABULARY.encode(text)), text, [DETECTORS[name] for name in names]
        )
        for one in (*atlas.findings, *atlas.unproven):
            expected[one.detector].append(one.score)
    assert found == {name: tuple(sorted(scores)) for name, scores in expected.items()}
    assert all(len(set(scores)) == UNTRAINED_NETWORKS >= 3 for scores in found.values()), "different networks"
    assert score_untrained(made, studied, []) == {}


@pytest.mark.parametrize(
    ("scores", "said"),
    [((0.1, 0.2, 0.3), "0.10 to 0.30"), ((-0.01, 0.2), "-0.01 to 0.20"), ((0.2, 0.201), "0.20")],
)
def test_the_spread_of_untrained_scores(scores: tuple[float, ...], said: str) -> None:
    assert describe_untrained(scores) == said


def test_a_passage_shows_its_peak_by_a_symbol() -> None:
    studied = excerpt_of(VOCABULARY, "", VOCABULARY.encode('He said: "The\n'))
    assert split_passage(Passage(3, 9, 7), studied) == ("said", ":", " ")
    assert split_passage(Passage(10, 14, 13), studied) == ("The", "↵\n", "")


def test_panels_of_many_gates_are_limited_and_said_so() -> None:
    gates = [Gate(0, f"g{n}", np.array([0.95, 0.2]), np.array([0.0, 0.8])) for n in range(25)]
    view = view_gates(gates)
    assert len(view["panels"]) == 24
    assert view["more"] == "The first 24 of 25 are drawn."
    assert view["rows"][24] == ("layer 0, g24", "57%", "40%", "1 of 2", "0 of 2")
    assert view_gates(gates[:24])["more"] == ""


def test_a_sample_without_a_temperature_says_none() -> None:
    view = view_samples((Sampled(1, (("0.5", "a"),), None), Sampled(2000, (("0.5", "b"), ("1", "c")), 1.0)))
    assert view["temperatures"] == ["0.5", "1"]
    assert [card["texts"] for card in view["cards"]] == [["a", None], ["b", "c"]]
    assert [card["loss"] for card in view["cards"]] == ["", ", validation 1.443 bits per character"]
    assert view["cards"][1]["step"] == "2,000"


def test_a_verbatim_run_is_cut_out_of_its_text() -> None:
    part = excerpt_of(VOCABULARY, "", VOCABULARY.encode(TEXT))
    run = Originality(len(TEXT), 70, 4, 0.5, 30)
    (row,) = view_copies((Written(0.5, part, run),), "character")["texts"]
    assert row["parts"] == (TEXT[:4], TEXT[4:74], TEXT[74:])
    assert row["quoted"] == " ".join((TEXT[4:64] + "…").split())
    assert (row["name"], row["copied"], row["longest"]) == ("temperature 0.5", "50%", "70")


def test_names_and_texts_are_escaped_wherever_a_template_shows_them(
    whole_report: tuple[Report, Vocabulary],
) -> None:
    hostile = "</pre><img src=x onerror=alert(1)>'\"&\u202e"
    report, vocabulary = whole_report
    gate = Gate(0, hostile, np.zeros(2), np.zeros(2))
    made = replace(
        report,
        name=hostile,
        facts=(("model", hostile), (hostile, "x")),
        samples=(Sampled(1, ((hostile, hostile),), None),),
        gates=(gate,),
        reach=Missing(hostile),
        curves=curves(2.0, baselines=Baselines((Baseline("<i>&", 2.5),), 9, 9, 9, 9)),
    )
    page = render_page(made, vocabulary)
    tags = {tag for tag, _ in read(page).elements}
    assert not tags & {"img", "i><", "b"}
    assert "\u202e" not in page
    shown = hostile.replace("\u202e", "⟨U+202E⟩")
    for name, least in (("samples", 2), ("gates", 2), ("reach", 1)):
        assert visible(section(page, name)).count(shown) >= least, name
    labels = [found.get("aria-label") or "" for tag, found in read(page).elements if tag == "svg"]
    assert any(label.startswith(f"layer 0, {shown}: ") for label in labels)
    assert "<i>&" in visible(section(page, "curves"))


def test_a_run_of_an_earlier_release_has_a_page(tmp_path: Path) -> None:
    run = RunFolder.open(shutil.copytree(OLD_RUN, tmp_path / "run"))
    lines = map(json.loads, (OLD_RUN / "metrics.jsonl").read_text().splitlines())
    evaluations = {line["step"]: line["loss"] for line in lines if line["kind"] == "evaluation"}
    baselines = json.loads((OLD_RUN / "baselines.json").read_text())
    text = "".join(run.vocabulary.symbols) * 3
    report = gather_report(run, load_trained_model(run), sources(run.vocabulary, text))
    assert isinstance(report.curves, Curves)
    assert dict(zip(report.curves.validation.x, report.curves.validation.y, strict=True)) == evaluations
    page = render_page(report, run.vocabulary)
    curves = visible(section(page, "curves"))
    for one in baselines["ladder"]["rungs"]:
        assert f"{one['name']}{one['nats']:.3f}" in curves.replace("\n", "")
    assert 'class="missing"' not in section(page, "samples")
