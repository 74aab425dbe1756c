"""What a run was made with is recorded; if it is resumed with something else, that is reported once and recorded."""

import json
from pathlib import Path

import jax
import pytest

from charloop.checkpoint import RunFolder
from charloop.training.provenance import compare_provenance
from checkpoint.files import edit
from training.runs import TEXT, assert_identical, configure, resume_recorded, run

NOW = {"from_step": 3, "jax": "0.10.2", "devices": 1, "cores": 2, "device": "Zen 4", "xla_flags": ""}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, None),
        ({"from_step": 0}, None),
        ({"jax": "0.10.1", "devices": 2}, "made with jax 0.10.1, 2 devices, now jax 0.10.2, 1 device"),
        ({"cores": 1}, "made with 1 core, now 2 cores"),
        ({"device": "Zen 3"}, "made with Zen 3, now Zen 4"),
        ({"xla_flags": "--a"}, "made with XLA_FLAGS='--a', now XLA_FLAGS=''"),
    ],
)
def test_differences_are_put_into_words(change: dict, said: str | None) -> None:
    assert compare_provenance(NOW | change, NOW) == said


def test_versions_and_devices_are_in_the_runs_configuration(tmp_path: Path, text: Path) -> None:
    made = run(tmp_path / "run", configure(text, steps=3))
    (stretch,) = json.loads((made.folder / "config.json").read_text())["made_with"]
    assert (stretch["from_step"], stretch["devices"], stretch["jax"]) == (0, 1, jax.__version__)
    again = resume_recorded(made.folder)
    assert list(again.started.notes) == []
    assert len(RunFolder.open(made.folder).made_with) == 1


def test_resuming_on_another_machine_is_noted_once(tmp_path: Path, text: Path) -> None:
    run(tmp_path / "run", configure(text, steps=3))
    edit(tmp_path / "run" / "config.json", lambda v: v["made_with"][0].update(jax="0.0.1", cores=77))
    first = resume_recorded(tmp_path / "run", configure(text, steps=6))
    (note,) = first.started.notes
    assert note.startswith("made with jax 0.0.1, 77 cores, now jax ")
    assert note.endswith(": not bit-equal from here")
    assert [s["from_step"] for s in RunFolder.open(tmp_path / "run").made_with] == [0, 3]
    assert list(resume_recorded(tmp_path / "run", configure(text, steps=9)).started.notes) == []


def test_on_other_devices(tmp_path: Path, text: Path) -> None:
    run(tmp_path / "run", configure(text, steps=3))
    made = resume_recorded(tmp_path / "run", configure(text, steps=6, devices=2))
    assert list(made.started.notes) == ["made with 1 device, now 2 devices: not bit-equal from here"]


@pytest.mark.parametrize("value", [3, [1], {"jax": 1}, None])
def test_an_invalid_record_is_ignored(tmp_path: Path, text: Path, value: object) -> None:
    run(tmp_path / "run", configure(text, steps=3))
    edit(tmp_path / "run" / "config.json", lambda v: v.update(made_with=value))
    assert resume_recorded(tmp_path / "run", configure(text, steps=4)).finished.step == 4


def test_two_runs_with_equal_settings_have_equal_files(tmp_path: Path) -> None:
    """Compare all files of two folders except the path of the text and times."""
    (tmp_path / "text.txt").write_text(TEXT)
    config = configure(tmp_path / "text.txt", steps=20, eval_every=10, sample_every=1)
    first, second = (run(tmp_path / name, config) for name in ("first", "second"))
    names = {str(p.relative_to(first.folder)) for p in first.folder.rglob("*") if p.is_file()}
    assert names == {str(p.relative_to(second.folder)) for p in second.folder.rglob("*") if p.is_file()}
    with_clock = {name for name in names if name.startswith("checkpoints/")} | {"metrics.jsonl"}
    assert len(with_clock) == 3
    for name in names - with_clock:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert first.lines == second.lines
    assert_identical(first.state, second.state)
