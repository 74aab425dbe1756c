"""A planted unit is found and named; where units and text have nothing in common, nothing is."""

import numpy as np
import pytest

from analysis.planted import UNIT, latching, quoted_text
from charloop.analysis import DETECTORS, Detector, Recording, StateUnit, find_units, record_units
from charloop.analysis.atlas import MIN_CHARACTERS
from charloop.analysis.search import ROTATIONS, Search, draw_rotations, standard
from charloop.errors import CharloopError
from choosing import slow

TEXT = quoted_text(3000)
QUOTES = (DETECTORS["double quotes"],)


def units(count: int) -> tuple[StateUnit, ...]:
    return tuple(StateUnit(0, "hidden", index) for index in range(count))


@pytest.mark.parametrize(("cell", "sign"), [("lstm", 1), ("rnn", -1), slow(("lstm", -1)), slow(("rnn", 1))])
def test_the_planted_unit_is_found_and_named(cell: str, sign: int) -> None:
    network = latching(cell, sign)
    atlas = find_units(record_units(network, network.vocabulary.encode(TEXT)), TEXT)
    best = next(finding for finding in atlas.findings if finding.detector == "double quotes")
    assert best.unit.index == UNIT
    assert best.score > 0.98
    assert best.sign == sign
    assert best.chance < 0.5
    assert atlas.findings[0] == best
    assert [f.score for f in atlas.findings] == sorted((f.score for f in atlas.findings), reverse=True)
    assert atlas.chance["double quotes"] == best.chance


@pytest.mark.parametrize("cell", [slow("rnn"), "lstm"])
def test_the_same_network_without_it_tracks_no_quotes(cell: str) -> None:
    network = latching(cell)
    recording = record_units(network, network.vocabulary.encode(TEXT))
    others = [column for column, unit in enumerate(recording.units) if unit.index != UNIT]
    rest = Recording(tuple(recording.units[column] for column in others), recording.values[:, others])
    assert find_units(rest, TEXT, QUOTES).chance["double quotes"] < 0.5
    assert all(finding.score < 0.5 for finding in find_units(rest, TEXT, QUOTES).findings)


@pytest.mark.parametrize("memory", [slow(0.0), slow(0.9), 0.99])
def test_nothing_is_found_in_noise(memory: float) -> None:
    """Units that know nothing of the text, however slowly they change: 4 atlases, about 15 detectors each."""
    found = []
    for seed in range(4):
        random, text = np.random.default_rng(seed), quoted_text(2000, seed)
        values = np.zeros((2000, 24), np.float32)
        for time in range(1, 2000):
            values[time] = memory * values[time - 1] + random.normal(size=24)
        atlas = find_units(Recording(units(24), values), text)
        assert len(atlas.unproven) > 5
        found += atlas.findings
    assert not found


@pytest.mark.slow
@pytest.mark.parametrize("cell", [slow("rnn"), "lstm"])
def test_nothing_is_found_in_a_network_that_reads_another_text(cell: str) -> None:
    network, found = latching(cell), []
    for seed in range(1, 4):
        recording = record_units(network, network.vocabulary.encode(quoted_text(3000, seed)))
        found += find_units(recording, TEXT).findings
    assert not found


def test_what_holds_in_the_first_half_alone_is_not_a_finding() -> None:
    marks = DETECTORS["double quotes"].marks(TEXT)
    noise = np.random.default_rng(0).normal(size=(3000, 8))
    noise[:1500, 3] = marks[:1500]
    atlas = find_units(Recording(units(8), noise.astype(np.float32)), TEXT, QUOTES)
    assert not atlas.findings
    assert atlas.unproven[0].unit.index == 3
    noise[1500:, 3] = -marks[1500:]
    atlas = find_units(Recording(units(8), noise.astype(np.float32)), TEXT, QUOTES)
    assert atlas.unproven[0].score == pytest.approx(-1, abs=1e-4)


def test_a_search_is_correlations_one_by_one() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(70, 5)), random.normal(size=(80, 5))
    marks, held_out = (random.random(n) < 0.3 for n in (70, 80))
    search = Search(standard(first), standard(second), marks.astype(float), held_out.astype(float))
    by, held_out_by = np.array([0, 9, 33]), np.array([0, 61, 8])
    for number, (index, sign, score) in enumerate(zip(*search.scores(by, held_out_by), strict=True)):
        turned, turned_out = np.roll(marks, -by[number]), np.roll(held_out, -held_out_by[number])
        found = [np.corrcoef(first[:, unit], turned)[0, 1] for unit in range(5)]
        assert index == np.argmax(np.abs(found))
        assert sign == np.sign(found[index])
        assert score == pytest.approx(sign * np.corrcoef(second[:, index], turned_out)[0, 1], abs=1e-5)


def test_chance_is_the_best_of_many_rotations_each_far_from_none() -> None:
    amounts = draw_rotations(MIN_CHARACTERS // 2, np.random.default_rng(0))
    assert len(set(amounts.tolist())) == ROTATIONS
    assert amounts.min() >= MIN_CHARACTERS // 20
    assert amounts.max() <= MIN_CHARACTERS // 2 - MIN_CHARACTERS // 20
    random = np.random.default_rng(1)
    halves, marks = random.normal(size=(2, 700, 3)), (random.random((2, 700)) < 0.2).astype(float)
    search = Search(*map(standard, halves), *marks)
    generator = np.random.default_rng(0)
    every = search.scores(draw_rotations(700, generator), draw_rotations(700, generator))[2]
    assert search.chance() == pytest.approx(every.max())


def test_units_that_do_not_move_are_correlated_with_nothing() -> None:
    values = np.full((100, 2), 0.7, np.float32)
    values[:, 1] += np.random.default_rng(0).normal(0, 1e-7, 100).astype(np.float32)
    assert not standard(values).any()


def test_a_detector_of_which_there_is_too_little_is_left_out_and_said_so() -> None:
    rare = list(quoted_text(3000).replace("“", "a").replace("”", "a"))
    for position in (10, 700, 2000, 2800):
        rare[position] = "A"
    text = "".join(rare)
    values = np.random.default_rng(0).normal(size=(3000, 4)).astype(np.float32)
    left_out = {one.detector: one.reason for one in find_units(Recording(units(4), values), text).left_out}
    assert left_out["capital"] == "its marks change 4 and 4 times in the halves of the text; 20 are needed"
    assert "digit" in left_out
    assert "vowel" not in left_out


def test_a_short_text_leaves_all_out() -> None:
    for length, reasons in ((MIN_CHARACTERS, 0), (MIN_CHARACTERS - 1, 1), (0, 1)):
        values = np.random.default_rng(0).normal(size=(length, 4)).astype(np.float32)
        atlas = find_units(Recording(units(4), values), TEXT[:length], (DETECTORS["vowel"],))
        assert len(atlas.left_out) == reasons
        assert not atlas.findings
    assert atlas.left_out[0].reason == f"the text has 0 characters, and {MIN_CHARACTERS} are needed"


def test_a_detector_of_ones_own() -> None:
    values = np.random.default_rng(0).normal(size=(3000, 4)).astype(np.float32)
    values[:, 2] -= 9 * np.array([c == "g" for c in TEXT])
    own = Detector("g", "the letter g", lambda text: np.array([c == "g" for c in text], float))
    (finding,) = find_units(Recording(units(4), values), TEXT, (own,)).findings
    assert (finding.detector, finding.unit.index, finding.sign) == ("g", 2, -1)


def test_another_texts_length_is_refused() -> None:
    with pytest.raises(CharloopError, match="got 3; allowed: one for each of 4 tokens"):
        find_units(Recording(units(2), np.zeros((4, 2), np.float32)), "abc")
