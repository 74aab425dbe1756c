"""`charloop compare`: one text for all, the losses of eval, and a significance test on those losses."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from charloop.cli.terminal.comparison_tables import run_verdict
from charloop.comparison import RunScore
from charloop.evaluation import Difference, Score, paired_difference
from charloop.trained import load
from charloop.training.metrics import History
from cli.commands import BRIEF, Outcome, assert_refused, call, done, process, refused
from cli.conftest import EXAMPLE, text_of
from cli.test_eval_info import figures

LONG = text_of(40, seed=9)


@pytest.fixture(scope="module")
def longer(book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another network on the same text, trained for longer."""
    folder = tmp_path_factory.mktemp("runs") / "longer"
    done(call("train", str(book), *BRIEF, "--steps", "48", "--output", str(folder)))
    return folder


def test_the_table_for_programs(trained: Path, longer: Path) -> None:
    (Path("other.txt")).write_text(LONG)
    flags = ("--text-file", "other.txt", "--to-loss", "2.9", "--json")
    found = json.loads(done(call("compare", str(trained), str(longer), *flags)))
    assert (found["text"], found["characters"], found["best"]) == ("other.txt", len(LONG) - 1, str(longer))
    best, other = found["runs"]
    scores = [load(run).evaluate(LONG) for run in (longer, trained)]
    for row, score in zip((best, other), scores, strict=True):
        assert math.isclose(row["nats_per_character"], score.loss, rel_tol=1e-6)
        assert score.interval is not None
        assert row["interval"] == pytest.approx([score.interval.low, score.interval.high], rel=1e-6)
    assert best["difference_to_best"] is None
    each = [score.per_character for score in scores]
    assert each[0] is not None
    assert each[1] is not None
    wanted = paired_difference(each[1], each[0])
    assert wanted is not None
    assert other["difference_to_best"]["nats_per_character"] == pytest.approx(wanted.nats, rel=1e-5)
    assert other["difference_to_best"]["p_value"] == pytest.approx(wanted.p_value, rel=1e-4, abs=1e-12)
    assert (best["steps"], other["steps"]) == (48, 16)
    lines = [json.loads(line) for line in (longer / "metrics.jsonl").read_text().splitlines()]
    reached = [l for l in lines if l["kind"] == "evaluation" and l["loss"] <= 2.9]  # noqa: E741
    assert best["seconds_to_loss"] == (reached[0]["elapsed"] if reached else None)
    last = [line for line in lines if line["kind"] == "evaluation"][-1]
    assert best["training_characters_per_second"] == pytest.approx(48 * 64 / last["elapsed"])
    assert best["parameters"] == sum(value.size for value in load(longer).params.values())


def test_the_table_for_people(trained: Path, longer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("compare", str(trained), str(longer), "--text-file", "other.txt")
    Path("other.txt").write_text(LONG)
    loss = figures(done(call("eval", str(longer), "other.txt")))["nats/char"]
    for run, width in ((process, "400"), (call, "60")):
        monkeypatch.setenv("COLUMNS", width)
        out = done(run(*arguments))
        lines = out.splitlines()
        assert lines[0].startswith(f"text     other.txt, {len(LONG) - 1:,} characters")
        tables = [number for number, line in enumerate(lines) if line.startswith(" " * 12)]
        assert len(tables) == (1 if width == "400" else 3)
        first = [word for head in tables for word in lines[head + 1].split() if word != str(longer)]
        assert first[0] == loss
        assert first[4:7] == ["-", "-", "-"]
        assert lines[-1].startswith(f"best     {longer}")


def test_a_run_compared_with_itself_is_not_better(trained: Path) -> None:
    found = json.loads(done(call("compare", str(trained), str(trained), "--json")))
    other = found["runs"][1]["difference_to_best"]
    assert other is None or (other["nats_per_character"], other["p_value"]) == (0, 1)


def test_a_text_that_is_too_short_for_a_test(trained: Path, longer: Path) -> None:
    Path("short.txt").write_text("the quick brown fox\n")
    out = done(call("compare", str(trained), str(longer), "--text-file", "short.txt"))
    assert out.endswith("; the text is too short for a significance test\n")


def test_limit_reads_less_for_all(trained: Path, longer: Path) -> None:
    found = json.loads(done(call("compare", str(trained), str(longer), "--limit", "100", "--json")))
    assert found["characters"] == 100


def test_other_texts_and_splits_are_refused_unless_a_text_is_given(trained: Path) -> None:
    Path("b.txt").write_text(text_of(100, seed=3))
    done(call("train", "b.txt", *BRIEF, "--output", "b"))
    outcome = call("compare", str(trained), "b")
    assert_refused(outcome, f"{trained} and b differ in text: book.txt (sha256 ", do="--text-file FILE")
    done(call("compare", str(trained), "b", "--text-file", "b.txt"))


def test_another_split_is_refused(trained: Path, book: Path) -> None:
    done(call("train", str(book), *BRIEF, "--validation-fraction", "0.2", "--output", "wide"))
    outcome = call("compare", str(trained), "wide")
    assert_refused(outcome, "differ in --validation-fraction: 0.1 and 0.2", do="--text-file FILE")


def test_runs_on_one_text_under_two_names_are_compared(trained: Path, book: Path) -> None:
    Path("renamed.txt").write_text(book.read_text())
    done(call("train", "renamed.txt", *BRIEF, "--seed", "3", "--output", "renamed"))
    done(call("compare", str(trained), "renamed"))


def test_runs_with_other_vocabularies_are_compared_on_a_text_that_both_know(
    trained: Path, book: Path, folded: tuple[Path, Outcome]
) -> None:
    Path("capital.txt").write_text(book.read_text().replace("z", "Z"))
    done(call("train", "capital.txt", *BRIEF, "--output", "capital"))
    both = book.read_text().replace("lazy", "old")
    Path("both.txt").write_text(both)
    found = json.loads(done(call("compare", str(trained), "capital", "--text-file", "both.txt", "--json")))
    own = {str(run): load(run).evaluate(both).loss for run in (trained, Path("capital"))}
    for row in found["runs"]:
        assert row["nats_per_character"] == pytest.approx(own[row["run"]], rel=1e-6)
    line = refused(call("compare", str(trained), "capital", "--text-file", "capital.txt"))
    assert line.startswith(f"{trained}: ")
    assert "'Z'" in line
    outcome = call("compare", "capital", str(folded[0]), "--text-file", "capital.txt")
    assert_refused(outcome, f"are unknown to {folded[0]}", do="compare runs that know")


def test_runs_with_the_same_unknown_symbol_are_compared(folded: tuple[Path, Outcome]) -> None:
    run = folded[0]
    text = str(run.with_name("book.txt"))
    done(call("train", text, *BRIEF, "--min-count", "3", "--seed", "1", "--output", "other"))
    assert "note     " in done(call("compare", str(run), "other"))


def test_bytes_and_characters_are_refused(trained: Path, binary: tuple[Path, Outcome], book: Path) -> None:
    outcome = call("compare", str(trained), str(binary[0]), "--text-file", str(book))
    assert_refused(outcome, f"{trained} predicts chars and {binary[0]} bytes")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("", ("nothing to compare", 0, "2 runs or more", "name two runs")),
        ("one", ("nothing to compare", 1, "2 runs or more", "name two runs")),
        ("--seeds 3", ("charloop compare trains nothing", None, None, "charloop sweep TEXT")),
        ("one two", ("no such run", "one", None, "`charloop train`")),
        ("one two --text-file a --split val", ("--text-file and --split", None, None, "leave one out")),
    ],
)
def test_arguments_that_are_refused(arguments: str, error: tuple[Any, ...]) -> None:
    assert_refused(call("compare", *arguments.split()), *error)


def test_a_text_is_not_a_run(book: Path) -> None:
    assert_refused(call("compare", str(book)), f"{book} is a file, not a run", do="--text-file")


def test_a_text_that_can_be_read_once_is_refused(trained: Path) -> None:
    for file in ("-", "/dev/null"):
        outcome = call("compare", str(trained), str(trained), "--text-file", file, stdin="the fox")
        assert_refused(outcome, "--text-file", file, "a file", "write it to a file first")


def test_a_run_without_weights_or_losses_is_refused(trained: Path, copied: Path) -> None:
    (copied / "metrics.jsonl").unlink()
    assert_refused(call("compare", str(trained), str(copied)), f"cannot read {copied}/metrics.jsonl")
    (copied / "model.safetensors").unlink()
    outcome = call("compare", str(trained), str(copied))
    assert_refused(outcome, f"{copied}/model.safetensors is missing")


def entry(name: str, chance: float | None, loss: float = 1.0) -> RunScore:
    behind = None if chance is None else Difference(0.1, 0.0, 0.2, chance, 30)
    history: History = None  # type: ignore[assignment]
    return RunScore(name, Score(loss, 1), 1, 1, history, behind)


def test_the_verdict_names_the_runs_that_do_not_differ_significantly() -> None:
    assert run_verdict([entry("a", None), entry("b", 0.01)]) == "best     a"
    assert (
        run_verdict([entry("a", None), entry("b", 0.2)])
        == "best     a; not significantly better than b at 5 %"
    )
    several = run_verdict([entry("a", None), entry("b", 0.2), entry("c", 0.01)])
    assert several.startswith("best     a; not significantly better than b at 5 % (each p is for one pair: ")
    assert several.endswith("with 3 runs, require p < 0.025)")
    assert (
        run_verdict([entry("a", None, math.nan), entry("b", None, math.nan)])
        == "best     none: no loss is finite"
    )


@pytest.mark.slow
def test_a_cell_of_ones_own_is_named_again(trained: Path, example: tuple[Path, Outcome]) -> None:
    runs = (str(trained), str(example[0]))
    assert_refused(call("compare", *runs), "a run's code is not executed unasked", do="--cell")
    found = json.loads(done(call("compare", *runs, "--cell", EXAMPLE, "--json")))
    assert {row["run"] for row in found["runs"]} == set(runs)


def test_a_character_that_a_run_does_not_know_is_to_be_changed(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_text("the %fox")
    outcome = call("compare", str(trained), str(trained), "--text-file", "odd.txt")
    assert_refused(outcome, "'%' (U+0025)", allowed="nearest are ' ', '\\n'", do="change it: all runs")
