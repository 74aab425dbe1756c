"""What is in the figure: each run's lines, the baselines, names as they are; the same bytes each time."""

from dataclasses import replace
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from charloop.baselines import Baseline, Baselines
from charloop.figures import Band, Curves, Line
from charloop.figures.curves import frame_curves, make_loss_axes
from charloop.figures.drawing import COLOURS, X_TICKS, draw_figure, shorten_name, to_bits, to_nats

HEADS = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}
BASELINES = Baselines((Baseline("unigram", 3.5), Baseline("2-gram", 2.5)), 1, 1, 1, 1)
RUN = Curves(
    "a",
    Line(np.arange(1.0, 51), np.linspace(4, 2, 50)),
    Line(np.array([25.0, 50.0]), np.array([3, 2.1])),
    BASELINES,
)


def drawn(*runs: Curves, kind: str = "svg", against: str = "steps") -> bytes:
    return draw_figure(runs, against, 6.0, kind)  # type: ignore[arg-type]


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is written."""
    found: list[Figure] = []
    save = Figure.savefig

    def note(figure: Figure, *arguments: object, **options: object) -> None:
        found.append(figure)
        save(figure, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", note)
    return found


@pytest.mark.parametrize("kind", HEADS)
def test_each_kind_is_what_it_says_and_the_same_each_time(kind: str) -> None:
    first = drawn(RUN, kind=kind)
    assert first.startswith(HEADS[kind])
    assert drawn(RUN, kind=kind) == first


def test_the_lines_are_the_curves_and_the_baselines(figures: list[Figure]) -> None:
    drawn(RUN)
    axes = figures[0].axes[0]
    training, validation, *entries = axes.lines
    assert (np.asarray(training.get_ydata()) == RUN.training.y).all()
    assert (np.asarray(validation.get_ydata()) == RUN.validation.y).all()
    assert [line.get_ydata()[0] for line in entries] == [3.5, 2.5]  # type: ignore[index]
    assert [text.get_text() for text in axes.texts] == ["2-gram", "unigram"]


def test_the_band_is_drawn_and_explained(figures: list[Figure]) -> None:
    band = Band(np.array([25.0, 50.0]), np.array([2.5, 2.0]), np.array([4.5, 2.2]))
    drawn(RUN, replace(RUN, band=band))
    (area,) = figures[0].axes[0].collections
    corners = {tuple(point) for point in area.get_paths()[0].vertices}  # type: ignore[union-attr]
    assert corners >= {(25.0, 2.5), (25.0, 4.5), (50.0, 2.0), (50.0, 2.2)}
    assert figures[0].axes[0].get_ylim()[1] > 4.5, "all of it is seen"
    names = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert names[-1] == "lowest to highest seed"


def test_the_second_axis_is_in_bits() -> None:
    assert to_bits(np.log(4)) == pytest.approx(2)
    assert to_nats(to_bits(1.3)) == pytest.approx(1.3)


def test_equal_baselines_are_drawn_once_and_others_in_their_runs_colour(figures: list[Figure]) -> None:
    other = replace(RUN, baselines=Baselines((Baseline("xz", 2.8),), 1, 1, 1, 1))
    drawn(RUN, RUN)
    drawn(RUN, other)
    once, both = (figure.axes[0] for figure in figures)
    assert len(once.lines) == 2 * 2 + 2
    assert len(both.lines) == 2 * 2 + 3
    assert both.texts[-1].get_text() == "xz"
    assert both.texts[-1].get_color() == both.lines[2].get_color()


@pytest.mark.parametrize("name", ["_x", "$a_b$", "a$b", "\udcff\n\x1b[2J", "\U0001f600", "", "x" * 300])
def test_any_name_is_shown_as_it_is(name: str, figures: list[Figure]) -> None:
    drawn(replace(RUN, name=name), RUN)
    (legend,) = figures[0].legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [shorten_name(name), "a", "validation", "training"]
    assert len(texts[0]) <= 40
    assert not any(text.get_parse_math() for text in legend.get_texts())


def test_thirty_runs_are_distinguishable(figures: list[Figure]) -> None:
    drawn(*[RUN] * 28)
    lines = figures[0].axes[0].lines[1 : 2 * 28 : 2]
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 28
    drawn(*[RUN] * 30)


def test_the_persons_own_settings_are_left_alone_and_change_nothing() -> None:
    matplotlib.rcParams["axes.facecolor"] = "red"
    try:
        first = drawn(RUN)
        assert matplotlib.rcParams["axes.facecolor"] == "red"
    finally:
        matplotlib.rcdefaults()
    assert drawn(RUN) == first


def test_colours_differ_in_lightness_or_hue_for_the_colour_blind() -> None:
    """Seen without the red-green difference (Viénot, Brettel and Mollon 1999) no two neighbours become one."""
    to_lms = np.array(
        [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
    )
    blind = np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]])
    seen = [np.linalg.solve(to_lms, blind @ to_lms @ np.array(to_rgb(c)) ** 2.2) for c in COLOURS]
    assert all(np.abs(a - b).max() > 0.1 for a, b in pairwise(seen))


def test_print_and_page_have_the_same_ticks_and_labels(figures: list[Figure]) -> None:
    drawn(RUN)
    axes = figures[0].axes[0]
    frame = frame_curves([RUN])
    x, nats, bits = make_loss_axes(frame, "steps", int(6 * X_TICKS))
    assert [text.get_text() for text in axes.get_xticklabels()] == [tick.label for tick in x.ticks]
    assert axes.get_yticks() == pytest.approx([tick.position for tick in nats.ticks])
    (right,) = axes.child_axes
    assert right.get_yticks() == pytest.approx([to_bits(tick.position) for tick in bits.ticks])
    assert [text.get_text() for text in right.get_yticklabels()] == [f"{one:g}" for one in right.get_yticks()]
    assert (axes.get_xlabel(), axes.get_ylabel(), right.get_ylabel()) == (x.label, nats.label, bits.label)
    assert axes.get_ylim() == (frame.low, frame.high)


def test_millions_of_characters(figures: list[Figure]) -> None:
    far = replace(RUN, training=Line(RUN.training.x * 1e5, RUN.training.y))
    drawn(far, against="characters")
    axes = figures[0].axes[0]
    assert axes.get_xlabel() == "millions of characters of training text"
    assert [text.get_text() for text in axes.get_xticklabels()] == [f"{x / 1e6:g}" for x in axes.get_xticks()]
