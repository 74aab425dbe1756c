"""`charloop sweep TEXT --space FILE`: trials equal to runs of train, trained part by part, and their table."""

import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from charloop.checkpoint.lock import locked
from charloop.comparison.planned import PlannedRun
from charloop.errors import CharloopError
from charloop.training.interrupt import Interrupt
from cli.commands import ENDLESS, assert_refused, call, done, prints, program
from cli.test_interrupt import read_until
from cli.test_sweep import compared, wait_for, weights

SPACE = """
method = "random"
[parameters.learning_rate]
distribution = "log_uniform_values"
min = 1e-3
max = 0.3
[parameters.seed]
min = 0
max = 99
"""
FLAGS = (*ENDLESS, "--steps", "36", "--eval-every", "4", "--sample-every", "0")
"""An evaluation falls on a ninth and on a third of the budget."""
NINE = ("--space", "space.toml", "--trials", "9", *FLAGS)
NAMES = [f"trial-{number:03}" for number in range(9)]


@pytest.fixture(autouse=True)
def _space() -> None:
    Path("space.toml").write_text(SPACE)


@pytest.fixture(scope="module")
def swept(book: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A sweep of nine trials, to be read only, and what it says to programs."""
    folder = tmp_path_factory.mktemp("sweeps") / "nine"
    (folder.parent / "space.toml").write_text(SPACE)
    flags = ["--space", str(folder.parent / "space.toml"), *NINE[2:]]
    return folder, compared(str(book), *flags, "--output", str(folder))


def losses_of(run: Path) -> dict[int, float]:
    """The validation loss after each step that was evaluated."""
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {record["step"]: record["loss"] for record in records if record["kind"] == "evaluation"}


def test_the_best_third_goes_on_with_three_times_as_much(swept: tuple[Path, dict[str, Any]]) -> None:
    folder, found = swept
    assert sorted(path.name for path in folder.glob("trial-*")) == NAMES
    losses = {name: losses_of(folder / name) for name in NAMES}
    at_ninth = sorted(NAMES, key=lambda name: losses[name][4])
    at_third = sorted(at_ninth[:3], key=lambda name: min(losses[name][step] for step in (4, 8, 12)))
    for name, own in losses.items():
        assert max(own) == (36 if name == at_third[0] else 12 if name in at_third else 4), name
    rows = {Path(row["run"]).name: row for row in found["trials"]}
    for name, row in rows.items():
        assert row["nats_per_character"] == min(losses[name].values())
        assert row["nats_per_character_at_first"] == losses[name][4]
        assert (row["steps"], row["failure"]) == (max(losses[name]), None)
        assert row["share_of_budget"] == pytest.approx(row["steps"] / 36)
        assert row["training_characters_per_second"] == pytest.approx(64 * row["steps"] / row["seconds"])
        assert set(row["settings"]) == {"learning_rate", "seed"}
    assert [row["nats_per_character"] for row in found["trials"]] == sorted(
        row["nats_per_character"] for row in found["trials"]
    )
    assert found["best"] == str(folder / at_third[0]) == found["trials"][0]["run"]
    assert set(found["importance"]) == {"learning_rate", "seed"}
    assert found["notes"] == ["importance means little with fewer than 10 trials"]


def test_a_trial_is_the_run_that_train_makes_of_its_settings(
    swept: tuple[Path, dict[str, Any]], book: Path
) -> None:
    folder, found = swept
    settings = found["trials"][0]["settings"]
    flags = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    done(call("train", str(book), *FLAGS, *flags, "--output", "alone"))
    best = Path(found["best"])
    assert Path("alone/model.safetensors").read_bytes() == (best / "model.safetensors").read_bytes()
    assert losses_of(Path("alone")) == losses_of(best)
    compared_runs = json.loads(
        done(call("compare", found["best"], str(folder / NAMES[0]), "alone", "--json"))
    )
    assert len(compared_runs["runs"]) == 3


def test_what_is_trained_is_not_trained_again_and_the_table_is_for_people(
    swept: tuple[Path, dict[str, Any]], book: Path
) -> None:
    folder, found = swept
    before = prints(folder)
    out = done(call("sweep", str(book), *NINE, "--output", str(folder), "--plot", "a.svg"))
    assert prints(folder) == before
    assert out.count("there already") == 9 + 3 + 1
    assert "9 trials, each 36 steps at most: 9 to 11%, then 3 to 33%, then 1 to 100% of it\n" in out
    rows = [line.split() for line in out.splitlines() if line.startswith("trial-")]
    assert [row[0] for row in rows] == [Path(row["run"]).name for row in found["trials"]]
    best = found["trials"][0]
    assert rows[0][1:4] == [f"{best['nats_per_character']:.4f}", *map(str, best["settings"].values())]
    assert out.splitlines()[-1] == f"best     {found['best']}"
    assert Path("a.svg").read_bytes().startswith(b"<?xml")


def test_more_trials_begin_with_those_that_are_there(swept: tuple[Path, dict[str, Any]], book: Path) -> None:
    shutil.copytree(swept[0], "more")
    found = compared(str(book), *NINE[:2], "--trials", "10", *FLAGS, "--output", "more")
    settings = {Path(row["run"]).name: row["settings"] for row in found["trials"]}
    assert {*settings} == {*NAMES, "trial-009"}
    for row in swept[1]["trials"]:
        assert settings[Path(row["run"]).name] == row["settings"]
    assert 4 in losses_of(Path("more/trial-009"))
    best = Path(swept[1]["best"]).name
    assert weights(Path("more"))[best] == weights(swept[0])[best]


def test_a_sweep_that_was_killed_ends_in_the_same_bytes(
    swept: tuple[Path, dict[str, Any]], book: Path
) -> None:
    arguments = ("sweep", str(book), *NINE, "--output", "again")
    with subprocess.Popen(program(*arguments), stdout=subprocess.PIPE, text=True) as running:
        read_until(running, "/13")
        wait_for(Path("again/trial-001"), "metrics.jsonl", running)
        running.kill()
    assert not Path("again/trial-008").exists()
    done(call(*arguments))
    assert weights(Path("again")) == weights(swept[0])
    assert json.loads(Path("again/sweep.json").read_text()) == json.loads(
        (swept[0] / "sweep.json").read_text()
    )


def test_ctrl_c_saves_and_says_how_to_resume(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("sweep", str(book), "--space", "space.toml", "--trials", "2", *FLAGS, "--output", "c")
    with monkeypatch.context() as patch:
        patch.setattr(Interrupt, "requested", True)
        outcome = call(*arguments)
    assert (outcome.code, outcome.err) == (130, "")
    assert "stopped  everything is saved" in outcome.out
    assert outcome.out.splitlines()[-1] == f"resume:  charloop {' '.join(arguments)}"
    assert not Path("c/trial-001").exists()
    out = done(call(*arguments))
    assert (out.count("resumed"), out.count(" 36  ")) == (1, 4)


def test_a_folder_in_use_and_a_folder_of_something_else_are_refused(book: Path) -> None:
    arguments = ("sweep", str(book), *NINE, "--output", "taken")
    Path("taken").mkdir()
    with locked(Path("taken")):
        assert_refused(call(*arguments), "taken is in use", do="wait until it has finished")
    assert [path.name for path in Path("taken").iterdir()] == [".lock"]
    Path("taken/notes.txt").write_text("mine")
    assert_refused(call(*arguments), "taken is not empty, and has no sweep.json", do="another --output")


def test_another_space_seed_or_setting_is_refused(swept: tuple[Path, dict[str, Any]], book: Path) -> None:
    folder, before = swept[0], prints(swept[0])
    arguments = ("sweep", str(book), *NINE, "--output", str(folder))
    Path("space.toml").write_text(SPACE.replace("0.3", "0.4"))
    assert_refused(call(*arguments), "another space: learning_rate has changed", do="give another --output")
    Path("space.toml").write_text(
        SPACE.replace("random", "grid").replace("log_uniform_values", "int_uniform")
    )
    assert_refused(call(*arguments), "in space.toml: [parameters.learning_rate]: min", 1e-3, "a whole number")
    Path("space.toml").write_text("# a remark\n" + SPACE)
    assert_refused(call(*arguments, "--seed", "3"), f"{folder} was started with --seed 0", 3, do="the seed")
    outcome = call(*arguments, "--weight-decay", "0.5")
    assert_refused(outcome, f"{folder}/trial-000 was started with --weight-decay 0.01", 0.5, do="--output")
    assert prints(folder) == before
    damaged = Path(shutil.copytree(folder, "damaged")) / "sweep.json"
    damaged.write_text("{")
    outcome = call("sweep", str(book), *NINE, "--output", "damaged")
    assert outcome.code == 2
    assert "damaged/sweep.json" in outcome.err


FAILING = """
method = "grid"
[parameters.learning_rate]
values = [0.01, 1e6]
[parameters.tie_embedding]
values = [false, true]
"""


def test_failures_are_rows_and_are_not_tried_again(book: Path) -> None:
    Path("space.toml").write_text(FAILING)
    arguments = (str(book), "--space", "space.toml", *FLAGS, "--no-halving", "--max-skipped", "2")
    arguments += ("--output", "fail")
    found = compared(*arguments)
    reasons = {row["run"]: row["failure"] for row in found["trials"]}
    assert [*reasons] == [f"fail/trial-{number:03}" for number in range(4)]
    assert found["best"] == "fail/trial-000"
    assert reasons["fail/trial-000"] is None
    assert reasons["fail/trial-001"].startswith("a tied embedding needs")
    assert reasons["fail/trial-002"].startswith("training has diverged")
    assert sum(row["nats_per_character"] is None for row in found["trials"]) == 3
    before = prints(Path("fail"))
    out = done(call("sweep", *arguments))
    assert prints(Path("fail")) == before
    assert (out.count("there already"), out.count("failed: a tied embedding")) == (1, 4)
    Path("fail/sweep.json").unlink()
    shutil.rmtree("fail")
    Path("space.toml").write_text(FAILING.replace("0.01, ", "").replace("false, ", ""))
    assert_refused(call("sweep", *arguments), "no trial makes a network; the first: a tied embedding")
    Path("space.toml").write_text(FAILING.replace("0.01, ", "").replace(", true", ""))
    outcome = call("sweep", *arguments)
    assert (outcome.code, outcome.out.splitlines()[-1]) == (2, "best     none: no trial has a loss")


def test_a_trial_without_memory_fails_and_other_errors_end_the_sweep(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: out of memory"), CharloopError("disk full")]

    def fail(*_: object, **__: object) -> str:
        raise errors.pop(0)

    monkeypatch.setattr(PlannedRun, "train", fail)
    arguments = ("sweep", str(book), *NINE, "--output", "m")
    outcome = call(*arguments)
    assert_refused(outcome, "m/trial-002: disk full", out="text")
    assert outcome.out.count("failed: not enough memory") == 2
    failed = json.loads(Path("m/sweep.json").read_text())["failed"]
    assert failed == dict.fromkeys(["trial-000", "trial-001"], "not enough memory")
    errors.append(RuntimeError("a fault of ours"))
    with pytest.raises(RuntimeError, match="a fault of ours"):
        call(*arguments)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            "--space s.toml --cells gru,lstm",
            ("--cells does not go with --space", None, None, "parameters.cell"),
        ),
        ("--space s.toml --seeds 3", ("--seeds does not go with --space", None, None, "[parameters.seed]")),
        ("--space s.toml --limit 9", ("--limit does not go with --space", None, None, "charloop compare")),
        ("--space s.toml --match parameters", ("--match does not go", None, None, "leave it out")),
        ("--cells gru,lstm --trials 3", ("--trials goes with --space", None, None, "--space FILE")),
        ("--cells gru,lstm --no-halving", ("--no-halving goes with --space", None, None, "--space FILE")),
        ("--space s.toml --trials 0", ("--trials", 0, "a whole number >= 1")),
        ("--space s.toml --validation-fraction 0", ("--validation-fraction is 0", None, None, "raise it")),
        ("--space s.toml", ("unknown cell", "gur", "gru, ln-lstm, lstm, nas, rnn", "'gru'")),
        ("--space missing.toml", ("cannot read the space missing.toml",)),
    ],
)
def test_flags_that_are_refused_before_anything_is_trained(
    arguments: str, error: tuple[Any, ...], book: Path
) -> None:
    Path("s.toml").write_text('method = "grid"\n[parameters.cell]\nvalues = ["lstm", "gur"]\n')
    assert_refused(call("sweep", str(book), *arguments.split()), *error)
    assert not Path("runs").exists()


def test_the_folder_is_named_after_the_text_and_the_space(book: Path) -> None:
    Path("mine.toml").write_text('method = "random"\n[parameters.seed]\nvalue = 5\n')
    out = done(call("sweep", str(book), "--space", "mine.toml", *FLAGS, "--steps", "8"))
    assert (
        "space    one point (random)\ntrials   1 trial, each 8 steps\nfolder   runs/sweep-book-mine\n" in out
    )
    assert "matters" not in out
    assert json.loads(Path("runs/sweep-book-mine/trial-000/config.json").read_text())["training"]["seed"] == 5


def test_bayes_asks_optuna_and_says_what_to_install(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("space.toml").write_text(SPACE.replace("random", "bayes"))
    arguments = ("sweep", str(book), "--space", "space.toml", *FLAGS, "--output", "b", "--trials")
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "optuna", None)
        assert_refused(call(*arguments, "3"), 'method = "bayes" needs optuna', do="charloop[optuna]")
    assert not Path("b").exists()
    pytest.importorskip("optuna")
    done(call(*arguments, "3"))
    trials = json.loads(Path("b/sweep.json").read_text())["trials"]
    out = done(call(*arguments, "4"))
    again = json.loads(Path("b/sweep.json").read_text())["trials"]
    assert again[:3] == trials
    assert (len(again), out.count("there already") >= 3) == (4, True)
    assert all(1e-3 <= trial["learning_rate"] <= 0.3 for trial in again)


def test_a_budget_in_minutes_is_divided_too(book: Path) -> None:
    flags = (*ENDLESS, "--minutes", "0.01", "--eval-every", "0", "--sample-every", "0")
    found = compared(str(book), "--space", "space.toml", "--trials", "3", *flags, "--output", "m")
    shares = [row["share_of_budget"] for row in found["trials"]]
    assert max(shares) > 0.6
    assert all(share >= 1 / 3 for share in shares)
    assert math.isfinite(found["trials"][0]["nats_per_character"])
