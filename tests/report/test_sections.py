"""What each section says, also if there is nothing to show."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charloop.analysis import Reach
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.figures import Line
from charloop.figures.curves import place_ticks
from charloop.originality import SuffixIndex
from charloop.report import Missing, Report, gather_report, render_page
from charloop.report.atlas import UNTRAINED_NETWORKS
from charloop.report.chart import Plane
from charloop.report.copies import LENGTH, find_copies
from charloop.report.excerpt import excerpt_of
from charloop.report.figure_sections import describe_reach, enter_frame
from charloop.report.gather import find_gates
from charloop.report.samples import MAX_SAMPLES, read_samples
from charloop.report.surprise import kinds_of, share_of_tenth
from choosing import slow
from report.networks import LONG, SENTENCE, folder_of, network, report_of, sources
from report.reading import section, visible


def missing(found: str) -> list[str]:
    """Return the sentences of a section about what is missing."""
    return re.findall(r'<p class="missing">([^<]*)</p>', found)


def without_text(path: Path, **settings: Any) -> str:
    """The page of a run whose text is gone: it has what is read from the run's folder."""
    report, vocabulary = report_of(path, Missing("It is gone. Name another."), **settings)
    return render_page(report, vocabulary)


def test_curves_of_a_run_that_was_evaluated(whole: str) -> None:
    found = section(whole, "curves")
    assert "The validation loss fell from 1.400 nats per character after 10 updates to 1.200" in found
    assert found.count('<circle class="validation"') == 2 * 2
    assert "The run has no baselines" in found


def test_a_curve_begins_before_it_first_falls_into_the_frame() -> None:
    line = Line(np.arange(5.0), np.array([9.0, 5.0, 2.0, 7.0, 1.0]))
    assert enter_frame(line, 3.0).x.tolist() == [1, 2, 3, 4]
    assert enter_frame(line, 9.0).x.tolist() == [0, 1, 2, 3, 4]
    assert enter_frame(Line(np.zeros(0), np.zeros(0)), 1.0).x.tolist() == []


def test_a_run_of_three_steps_without_evaluation(tmp_path: Path) -> None:
    found = section(without_text(tmp_path / "run", steps=3, evaluated=()), "curves")
    assert "After 3 updates the training loss was 2.000 nats" in found
    assert "The run was never evaluated, so there is no validation loss." in found
    assert "nan" not in found


def test_a_run_without_steps(tmp_path: Path) -> None:
    made = without_text(tmp_path / "run", steps=0, evaluated=())
    assert "has no step" in missing(section(made, "curves"))[0]


def test_samples_by_temperature(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of_text(LONG)
    run = folder_of(tmp_path / "run", vocabulary, 30, 20)
    run.samples.mkdir()
    for step in (10, 20):
        texts = "".join(f"--- temperature {t} ---\n<i>{step} at {t}\n\n" for t in (0.5, 0.8, 1.0))
        (run.samples / f"step-{step:07d}.txt").write_text(texts)
    (run.samples / "notes.txt").write_text("--- temperature 0.5 ---\nmine\n")
    (run.samples / "step-0000099.txt").write_bytes(b"\xff\x00 no sample")
    made = render_page(
        gather_report(run, network(vocabulary), sources(vocabulary, Missing("gone"))), vocabulary
    )
    found = section(made, "samples")
    assert re.findall(r"after (\d+) updates", found) == ["10", "20"]
    assert "validation 1.803 bits per character" in found
    assert "&lt;i&gt;20 at 0.5" in found
    assert "mine" not in found
    assert re.findall(r'id="(t\d)"( checked)?', found) == [("t0", ""), ("t1", " checked"), ("t2", "")]


def test_of_many_samples_the_first_the_last_and_some_between_are_shown(tmp_path: Path) -> None:
    for count in (1, MAX_SAMPLES, MAX_SAMPLES + 1, 100):
        run = folder_of(tmp_path / f"run{count}", Vocabulary.of_text("ab"), 1)
        run.samples.mkdir()
        for step in range(1, count + 1):
            (run.samples / f"step-{step:07d}.txt").write_text("--- temperature 1.0 ---\na\n")
        samples = read_samples(run)
        assert not isinstance(samples, Missing)
        steps = [one.step for one in samples]
        assert (steps[0], steps[-1], len(steps)) == (1, count, min(count, MAX_SAMPLES))
        assert steps == sorted(set(steps))


def test_a_run_without_samples_says_so(whole: str) -> None:
    assert missing(section(whole, "samples"))[0].startswith("The run has no samples")


def test_sections_without_their_text_say_why(tmp_path: Path) -> None:
    made = without_text(tmp_path / "run")
    for name in ("surprise", "atlas", "gates", "reach"):
        assert missing(section(made, name)) == ["It is gone. Name another."]
    assert missing(section(made, "originality")) == ["The text of the run has changed."]
    assert 'id="data">{}<' in made


def test_a_text_too_short_for_most(tmp_path: Path) -> None:
    report, vocabulary = report_of(tmp_path / "run", "ab", vocabulary=Vocabulary.of_text("ab"))
    made = render_page(report, vocabulary)
    assert "2 characters" in section(made, "surprise")
    assert "2 characters are too few to determine what a unit tracks" in section(made, "atlas")
    assert "allowed: 101 or more" in missing(section(made, "reach"))[0]
    assert "nan" not in visible(made)


def test_one_emoji_is_four_bytes_and_one_character(tmp_path: Path) -> None:
    report, vocabulary = report_of(tmp_path / "run", "🚀", vocabulary=Vocabulary.of_bytes())
    assert missing(section(render_page(report, vocabulary), "surprise")) == [
        "The text is a single character, so nothing in it is predicted."
    ]


def test_a_cell_without_gates_is_refused() -> None:
    vocabulary = Vocabulary.of_text(SENTENCE)
    with pytest.raises(CharloopError) as caught:
        find_gates(network(vocabulary, cell="rnn"), excerpt_of(vocabulary, "", vocabulary.encode(SENTENCE)))
    assert caught.value.what == "this cell has no gates"


@pytest.mark.parametrize(("cell", "panels"), [("lstm", 6), slow(("gru", 4)), slow(("nas", 10))])
def test_a_panel_for_each_gate_and_a_point_for_each_unit(
    cell: str, panels: int, tmp_path: Path, whole_report: tuple[Report, Vocabulary]
) -> None:
    report, vocabulary = whole_report if cell == "lstm" else report_of(tmp_path / "run", LONG, cell=cell)
    assert not isinstance(report.gates, Missing)
    found = section(render_page(report, vocabulary), "gates")
    drawn = re.findall(r'<path d="([^"]*)"', found)
    assert len(drawn) == len(report.gates) == panels
    for path, gate in zip(drawn, report.gates, strict=True):
        points = [[float(one) for one in point.removesuffix("h0").split()] for point in path.split("M")[1:]]
        # A panel is 176 pixels wide and high; its axes leave 32, 8, 8 and 20 at the left, right, top and bottom.
        expected = np.stack([32 + 136 * gate.left, 156 - 148 * gate.right], axis=1)
        assert points == pytest.approx(expected, abs=0.051)
    rows = re.findall(r"<td>(\d+)%</td><td>(\d+)%</td><td>(\d+) of 7</td><td>(\d+) of 7</td>", found)
    for row, gate in zip(rows, report.gates, strict=True):
        often = [sum(one > 0.9 for one in side.tolist()) for side in (gate.left, gate.right)]
        means = [f"{sum(side.tolist()) / 7:.0%}".removesuffix("%") for side in (gate.left, gate.right)]
        assert row == (*means, *map(str, often))


def test_a_point_lies_at_its_shares_of_the_plane() -> None:
    """Shut half of the time: half way across; open a quarter of it: a quarter of the way up."""
    plane = Plane(190, 190, (0, 1), (0, 1), left=32, right=8, top=8, bottom=34)
    assert (plane.across(0.5), plane.down(0.25)) == (107, 119)
    assert (plane.across(0), plane.down(0)) == (32, 156)


@pytest.mark.slow
def test_a_vocabulary_of_two(tmp_path: Path) -> None:
    report, vocabulary = report_of(tmp_path / "run", "abbaab" * 300, vocabulary=Vocabulary.of_text("ab"))
    found = render_page(report, vocabulary)
    assert missing(section(found, "surprise")) == []
    assert re.search(r'"top":2[,}]', found)


@pytest.mark.slow
def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of_text(LONG)
    broken = network(vocabulary)
    broken.params["readout.bias"] = broken.params["readout.bias"] * np.nan
    run = folder_of(tmp_path / "run", vocabulary, 3)
    made = render_page(gather_report(run, broken, sources(vocabulary, LONG, LONG)), vocabulary)
    assert "not finite" in missing(section(made, "surprise"))[0]
    assert "no probabilities" in missing(section(made, "originality"))[0]
    assert missing(section(made, "atlas")) == []


def test_without_findings_the_units_that_move_the_most_are_shown(tmp_path: Path) -> None:
    report, vocabulary = report_of(tmp_path / "run", SENTENCE * 3)
    assert not isinstance(report.mapped, Missing)
    assert [unit.finding for unit in report.mapped.units] == [None] * 6
    assert "The units shown are those that move the most" in section(render_page(report, vocabulary), "atlas")


def test_a_finding_is_shown_with_its_score_and_chance(
    whole: str, whole_report: tuple[Report, Vocabulary]
) -> None:
    report, _ = whole_report
    assert not isinstance(report.mapped, Missing)
    found = section(whole, "atlas")
    assert {unit.finding.sign for unit in report.mapped.units if unit.finding} == {1, -1}
    for shown in report.mapped.units:
        assert shown.finding
        assert f"score {shown.finding.score:.2f}, chance {shown.finding.chance:.2f}" in found
        # It was never trained: its own random weights are those of one of the untrained networks.
        assert len(shown.untrained) == UNTRAINED_NETWORKS
        assert min(abs(score - shown.finding.score) for score in shown.untrained) < 1e-6
        low, *_, high = (f"{score:.2f}" for score in shown.untrained)
        assert f"untrained {low} to {high}<" in found
        values = shown.values * shown.finding.sign
        assert [values[one.peak] for one in shown.passages[:1]] == [values.max()]
    assert found.count("<mark>") == sum(len(unit.passages) for unit in report.mapped.units)


def test_copies_are_those_of_the_suffix_index(whole: str, whole_report: tuple[Report, Vocabulary]) -> None:
    """Each quoted passage occurs in the training text, and none that is one character longer does."""
    report, vocabulary = whole_report
    assert not isinstance(report.written, Missing)
    assert [one.temperature for one in report.written] == [0.2, 0.5, 0.8, 1.0, None]
    for one in report.written:
        assert one.originality.characters == LENGTH
        index = SuffixIndex.of(vocabulary.encode(SENTENCE * 9))
        assert one.originality.longest == index.longest_matches(one.excerpt.tokens).max()
    assert report.written[-1].originality.copied == 1.0
    found = section(whole, "originality")
    assert "people: the validation text" in found
    assert found.count("<mark>") == 4


def test_a_training_text_too_large_for_an_index_is_not_even_read(tmp_path: Path) -> None:
    vocabulary = Vocabulary.of_text(SENTENCE)
    run = replace(folder_of(tmp_path / "run", vocabulary), text={"train": 10**8 + 1})
    looked = replace(network(vocabulary), run=run)
    with pytest.raises(CharloopError, match=r"got 100000001; allowed: up to 100,000,000"):
        find_copies(looked, lambda: pytest.fail("it was read"), None, 0, print)


@pytest.mark.slow
def test_a_text_that_is_not_the_runs_own_is_not_compared_with_its_loss(tmp_path: Path) -> None:
    report, _ = report_of(tmp_path / "run", LONG, training=LONG, held_out=False)
    assert not isinstance(report.written, Missing)
    assert None not in [one.temperature for one in report.written]


def test_the_reach_is_described_in_words() -> None:
    reach = Reach(np.array([4, 3, 2, 1], np.float32))
    said = describe_reach(reach, "character")
    assert "Half of the influence that 4 characters have on the next one comes from the last 2" in said
    assert "comes from the last 2, nine tenths from the last 3. " in said
    assert said.endswith("The character 3 before the last has 0.25 of the influence of the last.")


def test_characters_are_divided_into_kinds() -> None:
    assert [*kinds_of("Ab 1.\n")] == [
        "first letter of a word",
        "later letter of a word",
        "space",
        "digit",
        "punctuation and other symbols",
        "new line",
    ]
    assert share_of_tenth(np.array([9.0] + [1.0] * 9)) == 0.5


@pytest.mark.parametrize(("low", "high", "most"), [(0, 1, 6), (1.31, 1.34, 6), (0, 4304, 8), (-3, 12, 2)])
def test_ticks_are_round_few_and_inside(low: float, high: float, most: int) -> None:
    found = place_ticks(low, high, most)
    assert 1 <= len(found) <= most + 1
    assert low - 1e-9 <= found[0] <= found[-1] <= high + 1e-9
    assert len({round(b - a, 9) for a, b in pairwise(found)}) <= 1


def test_an_excerpt_knows_the_length_of_the_whole_text() -> None:
    vocabulary = Vocabulary.of_text("ab")
    excerpt = excerpt_of(vocabulary, "x", vocabulary.encode("abab"), 3)
    assert (excerpt.text, excerpt.total) == ("aba", 4)
