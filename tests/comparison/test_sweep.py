"""A sweep's runs: their names and order, and which runs in its folder are not those of the plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from charloop.checkpoint import RunFolder
from charloop.comparison.planned import PlannedRun, refuse_another, short_name
from charloop.comparison.sweep import Sweep
from charloop.config import ModelConfig, RunConfig, TrainingConfig
from charloop.data import Corpus, Vocabulary
from refusing import refused

TEXT = "abcab" * 40
VOCABULARY = Vocabulary.of_text("abc")
CORPUS = Corpus.of_tokens(VOCABULARY.encode(TEXT), VOCABULARY)
CONFIG = RunConfig(model=ModelConfig(hidden_size=6, unroll="scan"), training=TrainingConfig(seed=5, steps=3))


def plan(*cells: str, seeds: int = 1, match: bool = False) -> Sweep:
    return Sweep.plan(Path("sweep"), CONFIG, CORPUS, cells, seeds, match=match)


def test_every_cell_is_trained_with_the_first_seed_before_the_next() -> None:
    runs = plan("gru", "lstm", seeds=2).runs
    assert [str(run.path) for run in runs] == [
        f"sweep/{cell}-seed{seed}" for seed in (5, 6) for cell in ("gru", "lstm")
    ]
    assert [(run.cell, run.seed) for run in runs] == [("gru", 5), ("lstm", 5), ("gru", 6), ("lstm", 6)]
    assert {run.config.model.hidden_size for run in runs} == {6}


def test_matched_cells_have_the_parameters_of_the_first_one() -> None:
    first, second = plan("lstm", "rnn", match=True).runs
    assert first.config.model.hidden_size == 6
    assert second.config.model.hidden_size > 6


@pytest.mark.parametrize("cells", [("gru", "gru"), ("gru", "GRU"), ("rnn", "a.py:Own", "b.py:Own")])
def test_two_cells_of_one_name_are_refused(cells: tuple[str, ...]) -> None:
    with refused("two cells have the same name", got=cells[-2], do="name each cell once"):
        plan(*cells)


def test_the_name_of_a_cell_from_a_file_is_its_class() -> None:
    assert [short_name(cell) for cell in ("gru", "a.py:Own", "C:/a b/c.py:Own")] == ["gru", "Own", "Own"]


def folder_of(run: PlannedRun, config: RunConfig, content_hash: str = CORPUS.content_hash) -> RunFolder:
    """The folder of a run that was started with `config`."""
    return RunFolder(run.path, config, VOCABULARY, {"content_hash": content_hash})


def test_a_run_of_the_plan_may_differ_in_what_does_not_change_its_result() -> None:
    (run,) = plan("gru").runs
    moved = replace(run.config, data=replace(run.config.data, corpus=("elsewhere.txt",)))
    more = replace(
        moved, training=replace(moved.training, devices=2, keep_checkpoints=9, log=("tensorboard",))
    )
    refuse_another(folder_of(run, more), run, CORPUS)


def test_a_run_with_another_setting_is_refused_by_its_flag() -> None:
    (run,) = plan("gru").runs
    other = replace(run.config, training=replace(run.config.training, weight_decay=0.5))
    wanted = run.config.training.weight_decay
    with refused("sweep/gru-seed5 was started with --weight-decay 0.5", got=wanted, do="another --output"):
        refuse_another(folder_of(run, other), run, CORPUS)


def test_a_run_on_another_text_is_refused() -> None:
    (run,) = plan("gru").runs
    with refused("sweep/gru-seed5 was started on another text", do="another --output"):
        refuse_another(folder_of(run, run.config, "0" * 64), run, CORPUS)


def test_a_cell_whose_code_has_changed_is_refused(tmp_path: Path) -> None:
    kept, now = tmp_path / "cell.py", tmp_path / "own.py"
    for path in (kept, now):
        path.write_bytes(b"class Own: ...\r\n")
    config = replace(CONFIG, model=replace(CONFIG.model, cell=f"{now}:Own"))
    run = PlannedRun(tmp_path, config)
    refuse_another(folder_of(run, config), run, CORPUS)
    now.write_bytes(b"class Own: ...\n")
    with refused(f"{now} has changed since {tmp_path} was started with it", do="another --output"):
        refuse_another(folder_of(run, config), run, CORPUS)
    kept.unlink()
    with refused(f"cannot read {kept} (No such file or directory)"):
        refuse_another(folder_of(run, config), run, CORPUS)
