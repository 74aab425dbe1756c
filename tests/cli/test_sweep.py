"""`charloop sweep TEXT --cells ...`: runs equal to those of train, and their figures."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cells.table import EXAMPLES
from charloop.cli.commands.sweep import own_folder
from charloop.evaluation import paired_difference
from charloop.trained import load
from cli.commands import BRIEF, assert_refused, call, done, prints, program
from cli.conftest import text_of
from cli.test_interrupt import read_until, started

BROKEN = """
from dataclasses import dataclass
import jax.numpy as jnp
from charloop import Cell
from charloop.cells import linear

@dataclass(frozen=True)
class Broken(Cell):
    gates = 1

    def step(self, params, inputs, state):
        hidden = jnp.tanh(linear(params, "ih", inputs) + linear(params, "hh", state["hidden"])) * jnp.nan
        return {"hidden": hidden}, hidden
"""
LONG = text_of(40, seed=9)
CELLS = ("--cells", "rnn,lstm", "--seeds", "2", *BRIEF)
OPTIMIZERS = "adam, adamw, muon, rmsprop, sgd"
NAMES = ["lstm-seed0", "lstm-seed1", "rnn-seed0", "rnn-seed1"]


def compared(*arguments: str) -> dict[str, Any]:
    """What a comparison says to programs."""
    outcome = call("sweep", *arguments, "--json")
    assert outcome.code == 0, outcome.err
    found: dict[str, Any] = json.loads(outcome.out)
    return found


@pytest.fixture(scope="module")
def folder(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs, to be read only."""
    folder = tmp_path_factory.mktemp("runs") / "compared"
    compared(str(book), *CELLS, "--output", str(folder))
    return folder


def weights(folder: Path) -> dict[str, bytes]:
    """The weights of all runs in it."""
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("*/model.safetensors"))}


def test_the_figures_are_those_of_the_runs_and_of_students_test(folder: Path, book: Path) -> None:
    Path("other.txt").write_text(LONG)
    flags = ("--to-loss", "2.95", "--text-file", "other.txt")
    found = compared(str(book), *CELLS, "--output", str(folder), *flags)
    paths = {name: folder / name for name in NAMES}
    alone = json.loads(done(call("compare", *map(str, paths.values()), *flags, "--json")))
    losses = {Path(run["run"]).name: run for run in alone["runs"]}
    assert (found["text"], found["characters"]) == (alone["text"], alone["characters"])
    assert found["seeds"] == [0, 1]
    values = {}
    for cell in found["cells"]:
        own = [losses[f"{cell['cell']}-seed{seed}"] for seed in (0, 1)]
        values[cell["cell"]] = each = [run["nats_per_character"] for run in own]
        assert [run["nats_per_character"] for run in cell["runs"]] == each
        assert cell["nats_per_character"] == pytest.approx(np.mean(each))
        assert cell["standard_deviation"] == pytest.approx(np.std(each, ddof=1))
        assert cell["interval"] == pytest.approx(
            stats.t.interval(0.95, 1, np.mean(each), np.std(each, ddof=1) / 2**0.5), rel=1e-6
        )
        reached = [run["seconds_to_loss"] for run in own if run["seconds_to_loss"] is not None]
        assert cell["seeds_that_came_to_loss"] == len(reached)
        assert cell["seconds_to_loss"] == (pytest.approx(np.mean(reached)) if reached else None)
    best, other = found["cells"]
    assert best["nats_per_character"] <= other["nats_per_character"]
    assert (found["best"], best["difference_to_best"]) == (best["cell"], None)
    behind = other["difference_to_best"]
    apart = np.subtract(values[other["cell"]], values[best["cell"]])
    assert behind["nats_per_character"] == pytest.approx(apart.mean())
    assert behind["over_seeds"]["p_value"] == pytest.approx(stats.ttest_1samp(apart, 0).pvalue, rel=1e-6)
    means = [
        np.mean(
            [load(folder / f"{cell['cell']}-seed{s}").evaluate(LONG).per_character for s in (0, 1)], axis=0
        )
        for cell in (other, best)
    ]
    wanted = paired_difference(*means)
    assert wanted is not None
    assert behind["over_text"]["p_value"] == pytest.approx(wanted.p_value, rel=1e-3, abs=1e-9)


def test_the_runs_of_a_sweep_equal_those_of_train(folder: Path, book: Path) -> None:
    assert sorted(weights(folder)) == NAMES
    done(call("train", str(book), *BRIEF, "--cell", "rnn", "--seed", "1", "--output", "alone"))
    assert Path("alone/model.safetensors").read_bytes() == weights(folder)["rnn-seed1"]


def test_what_is_trained_is_not_trained_again(folder: Path, book: Path) -> None:
    before = prints(folder)
    out = done(call("sweep", str(book), *CELLS, "--output", str(folder)))
    assert prints(folder) == before
    assert out.count("there already") == 4
    rows = [line.split() for line in out.splitlines()]
    order = [row[1:3] for row in rows if row and "/4" in row[0]]
    assert order == [["rnn", "0"], ["lstm", "0"], ["rnn", "1"], ["lstm", "1"]], (
        "every cell with a seed, then the next"
    )
    assert out.splitlines()[-1].startswith("best     ")


def test_more_cells_and_seeds_are_trained_beside_the_runs_of_an_earlier_sweep(
    folder: Path, book: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "rnn-seed0", tmp_path / "gru-seed0")
    shutil.copytree(folder / "lstm-seed0", tmp_path / "lstm-seed0")
    out = done(call("sweep", str(book), *CELLS, "--output", str(tmp_path)))
    assert out.count("there already") == 1
    assert "gru" not in out, "a run that this sweep does not name is left out"
    assert {name: weights(tmp_path)[name] for name in NAMES} == weights(folder)


def test_one_seed_is_compared_as_runs_are(book: Path) -> None:
    out = done(call("sweep", str(book), "--cells", "rnn,lstm", "--seeds", "1", *BRIEF, "--output", "one"))
    rows = call("compare", "one/rnn-seed0", "one/lstm-seed0").out.splitlines()
    assert out.splitlines()[-len(rows) :] == rows


@pytest.mark.slow
def test_a_sweep_that_was_killed_and_called_again_ends_in_the_same_bytes(book: Path) -> None:
    """SIGKILL in the middle of the second of three runs, which resumes from its last checkpoint."""
    long = (
        "--cells",
        "rnn",
        "--seeds",
        "3",
        *BRIEF,
        "--steps",
        "1000",
        "--eval-every",
        "500",
        "--save-every",
        "50",
    )
    assert call("sweep", str(book), *long, "--output", "whole").code == 0
    arguments = ("sweep", str(book), *long, "--output", "again")
    following = Path("again/rnn-seed1")
    with subprocess.Popen(program(*arguments), stdout=subprocess.PIPE, text=True) as running:
        read_until(running, "1/3")
        wait_for(following / "checkpoints", "step-*[1-9]*.safetensors", running)
        running.kill()
    out = done(call(*arguments))
    assert out.count("there already") == 1
    assert out.count("resumed") == 1
    assert weights(Path("again")) == weights(Path("whole"))


@pytest.mark.slow
def test_ctrl_c_saves_and_says_how_to_resume(book: Path) -> None:
    running = started("sweep", str(book), *CELLS, "--steps", "100000", "--output", "c")
    wait_for(Path("c/rnn-seed0"), "metrics.jsonl", running)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=240)
    assert (running.returncode, err) == (130, "")
    assert "stopped  everything is saved" in out
    assert out.splitlines()[-1].startswith("resume:  charloop sweep ")
    assert out.splitlines()[-1].endswith("--steps 100000 --output c")
    assert Path("c/rnn-seed0/config.json").exists()


def wait_for(folder: Path, pattern: str, running: subprocess.Popen[str]) -> None:
    """Wait until a file appears in `folder`, or the process ends."""
    while not any(folder.glob(pattern)) and running.poll() is None:
        time.sleep(0.002)


@pytest.mark.slow
def test_a_cell_of_ones_own_takes_part_and_its_code_must_stay(book: Path) -> None:
    code = Path("my_cells.py")
    code.write_text((EXAMPLES / "my_cells.py").read_text())
    arguments = (str(book), "--cells", "rnn,my_cells.py:SkipLSTM", "--seeds", "1", *BRIEF, "--output", "own")
    found = compared(*arguments)
    assert {run["run"] for run in found["runs"]} == {"own/rnn-seed0", "own/SkipLSTM-seed0"}
    code.write_text(code.read_text() + "\n# changed\n")
    outcome = call("sweep", *arguments)
    assert_refused(outcome, "my_cells.py has changed since own/SkipLSTM-seed0", do="--output")


@pytest.mark.slow
def test_cells_are_matched_by_their_parameters_on_request(folder: Path, book: Path) -> None:
    arguments = (str(book), "--cells", "lstm,rnn", "--seeds", "1", *BRIEF, "--match", "parameters")
    found = compared(*arguments, "--output", "matched")
    matched = {Path(run["run"]).name: run["parameters"] for run in found["runs"]}
    unmatched = {name: sum(value.size for value in load(folder / name).params.values()) for name in matched}
    assert max(matched.values()) / min(matched.values()) < 1.1
    assert max(unmatched.values()) / min(unmatched.values()) > 1.5


def test_a_figure_on_request(folder: Path, book: Path) -> None:
    arguments = ("sweep", str(book), *CELLS, "--output", str(folder), "--plot", "a.svg")
    done(call(*arguments))
    assert Path("a.svg").read_bytes().startswith(b"<?xml")
    assert_refused(call(*arguments), "--plot: a.svg is there already", do="--overwrite")
    done(call(*arguments, "--overwrite"))


def test_other_settings_and_another_text_are_refused(folder: Path, book: Path) -> None:
    before = prints(folder)
    outcome = call("sweep", str(book), *CELLS, "--hidden-size", "13", "--output", str(folder))
    assert_refused(outcome, f"{folder}/rnn-seed0 was started with --hidden-size 12", 13, do="--output")
    Path("book.txt").write_text(text_of(100, seed=5))
    outcome = call("sweep", "book.txt", *CELLS, "--output", str(folder))
    assert_refused(outcome, f"{folder}/rnn-seed0 was started on another text", do="--output")
    assert prints(folder) == before


def test_a_folder_in_use_is_refused_before_anything_is_trained(book: Path) -> None:
    """Not hours later, before the last run."""
    run_path = Path("taken/lstm-seed1")
    for taken in (run_path / "notes.txt", run_path):
        taken.parent.mkdir(parents=True, exist_ok=True)
        taken.write_text("mine")
        outcome = call("sweep", str(book), *CELLS, "--output", "taken")
        assert_refused(outcome, f"{run_path} is not empty", do="--output")
        assert sorted(Path("taken").iterdir()) == [run_path]
        assert taken.read_text() == "mine"
        taken.unlink()
        if run_path.is_dir():
            run_path.rmdir()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("", ("no cells to train", None, None, "--cells lstm,gru")),
        ("--cells lstm --seeds 1", ("one cell with one seed", None, None, "--seeds 3")),
        ("--cells lstm,gur", ("unknown cell", "gur", "gru, ln-lstm, lstm, nas, rnn", "'gru'")),
        ("--cells gru,gru", ("two cells have the same name", "gru", None, "once")),
        ("--cells gru,", ("--cells", "gru,", "names separated by commas: lstm,gru")),
        ("--cells gru,lstm --seeds 0", ("--seeds", 0, "a whole number >= 1")),
        ("--cells gru,lstm --cell gru", ("unknown flag", "--cell", None, "--cells")),
        ("--hidden-size 8,16", ("--hidden-size: got '8,16'", None, None, "under [parameters.hidden_size]")),
        ("--optimizer=adam,muon", ("--optimizer", "adam,muon", OPTIMIZERS, "--space FILE, with values")),
        ("--minutes 1,2 --cells gru,lstm", ("--minutes: got '1,2'", None, None, "charloop sweep --help")),
        ("--cells gru,lstm --plot a.bmp", ("--plot", "a.bmp", "a name that ends in .png, .svg or .pdf")),
        (
            "--cells gru,lstm --match parameters --tie-embedding --embed-size 256",
            ("--match parameters does not go with --tie-embedding", None, None, "leave one out"),
        ),
        ("--cells gru,lstm --split test", ("--test-fraction is 0", None, None, "--text-file FILE")),
        (
            "--cells gru,lstm --text-file odd.txt",
            ("'%' (U+0025)", None, "nearest are ' ', '\\n'", "change it: all runs"),
        ),
    ],
)
def test_flags_that_are_refused_before_anything_is_trained(arguments: str, error: tuple[Any, ...]) -> None:
    Path("book.txt").write_text(text_of(100))
    Path("odd.txt").write_text("lazy %\n")
    assert_refused(call("sweep", "book.txt", *arguments.split()), *error)
    assert not Path("runs").exists()


def test_a_run_no_text_and_standard_input_are_refused_as_a_text(trained: Path) -> None:
    cells = ("--cells", "lstm,gru")
    assert_refused(call("sweep", str(trained), *cells), f"{trained} is a run", do="charloop compare RUN RUN")
    assert_refused(call("sweep", *cells), "no text to train on", do="charloop sweep book.txt --cells")
    outcome = call("sweep", "-", *cells, stdin="the fox")
    assert_refused(outcome, "standard input is read once", do="write it to a file first")


def test_the_former_command_compare_trains_like_sweep(folder: Path, book: Path) -> None:
    before = prints(folder)
    out = done(call("compare", str(book), *CELLS, "--out", str(folder), "--text", str(book)))
    assert (out.count("there already"), prints(folder)) == (4, before)
    assert f"text     {book.name}, {len(book.read_text()) - 1:,} characters" in out


def test_the_folder_of_the_former_command_is_found_again(folder: Path, book: Path) -> None:
    assert own_folder("book") == Path("runs/sweep-book")
    Path("runs").mkdir()
    Path("runs/compare-book").symlink_to(folder)
    assert done(call("sweep", str(book), *CELLS)).count("there already") == 4
    assert [path.name for path in Path("runs").iterdir()] == ["compare-book"]


def test_a_run_that_fails_is_named_and_the_others_are_kept(book: Path) -> None:
    Path("my_cells.py").write_text(BROKEN)
    arguments = (
        "sweep",
        str(book),
        "--cells",
        "rnn,my_cells.py:Broken",
        "--seeds",
        "1",
        *BRIEF,
        "--output",
        "bad",
    )
    outcome = call(*arguments, "--max-skipped", "2")
    assert outcome.code == 2
    assert outcome.err.startswith("charloop: bad/Broken-seed0: "), outcome.err
    assert outcome.err.count("\n") == 1
    assert (outcome.out.count(" 1/2 "), "best" in outcome.out) == (1, False)
    assert Path("bad/rnn-seed0/model.safetensors").exists()
