"""The figure of a sweep over a space."""

import json
from pathlib import Path

from matplotlib.figure import Figure

from charloop.figures.trials import NAMED, draw_bars, draw_losses, draw_trials, read_losses


def make_trial(folder: Path, losses: dict[int, float]) -> Path:
    """A trial whose evaluations, at these steps, took a minute for each step."""
    folder.mkdir()
    records = [
        {"kind": "evaluation", "step": step, "loss": loss, "elapsed": 60 * step}
        for step, loss in losses.items()
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def test_every_trial_is_a_line_and_the_best_have_names(tmp_path: Path) -> None:
    trials = [make_trial(tmp_path / f"trial-{n:03}", {1: 3.0 + n, 2: 2.0 + n}) for n in range(NAMED + 2)]
    trials.append(tmp_path / "never-started")
    axes = Figure().add_subplot()
    draw_losses(axes, {trial.name: read_losses(trial) for trial in trials})
    lines = {tuple(line.get_ydata()): line for line in axes.lines}
    assert {*lines} == {(), *((3.0 + n, 2.0 + n) for n in range(NAMED + 2))}
    assert all(list(line.get_xdata()) == [1, 2] for losses, line in lines.items() if losses)
    (legend,) = axes.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [trial.name for trial in trials[:NAMED]]
    low, high = axes.get_ylim()
    assert low < 2 < high < 9, "an early loss may lie above the frame"


def test_bars_show_what_matters_most_at_the_top() -> None:
    axes = Figure().add_subplot()
    draw_bars(axes, {"learning_rate": 0.2, "hidden_size": 0.7})
    assert [label.get_text() for label in axes.get_yticklabels()] == ["learning_rate", "hidden_size"]
    assert [bar.get_width() for bar in axes.patches] == [0.2, 0.7]


def test_a_file_is_drawn_without_bars_too(tmp_path: Path) -> None:
    one = make_trial(tmp_path / "trial-000", {1: 3.0, 2: float("nan"), 3: 2.0})
    assert read_losses(one)[1].tolist() == [3.0, 2.0]
    assert draw_trials([one, tmp_path / "never-started"], {"seed": None}, "svg").startswith(b"<?xml")
