"""The lines of metrics.jsonl: written and read by one codec; damaged ones are left out of a run's history."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import RunFolder
from charloop.config import DataConfig, RunConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.training.metrics import (
    EvaluationRecord,
    History,
    Record,
    SkippedRecord,
    StepRecord,
    decode_record,
    encode_record,
    read_records,
)

STEPS = [{"kind": "step", "step": n, "loss": 4.0 / n, "epoch": 0.1} for n in range(1, 9)]
EVALUATIONS = [
    {"kind": "evaluation", "step": 4, "loss": 1.5, "characters": 9, "elapsed": 60.0},
    {"kind": "evaluation", "step": 6, "loss": 1.0, "characters": 9, "elapsed": 150.0},
]


def folder_of(path: Path, *lines: object) -> RunFolder:
    config = RunConfig(DataConfig(("a",), batch_size=3, seq_length=5))
    run = RunFolder(path, config, Vocabulary.of_text("ab"), {})
    run.metrics.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    )
    return run


RECORDS = {
    "a step": (
        StepRecord(7, 0.25, 1.5, 2.0, 1e-3),
        '{"kind": "step", "step": 7, "epoch": 0.25, "loss": 1.5, "gradient_norm": 2.0, "learning_rate": 0.001}',
    ),
    "a step at a lower learning rate": (
        StepRecord(7, 0.0, 1.5, 2.0, 1e-3, planned_rate=2e-3),
        '{"kind": "step", "step": 7, "epoch": 0.0, "loss": 1.5, "gradient_norm": 2.0, "learning_rate": 0.001, '
        '"planned_rate": 0.002}',
    ),
    "a discarded step": (
        StepRecord(7, 0.25, math.nan, math.inf, 1e-3, "loss nan", 2),
        '{"kind": "step", "step": 7, "epoch": 0.25, "loss": null, "gradient_norm": null, "learning_rate": 0.001, '
        '"skipped": "loss nan", "in_a_row": 2}',
    ),
    "a discarded step with its text": (
        SkippedRecord(7, 0.25, 9.0, 2.0, 1e-3, "a spike", 1, offsets=[3, 9], texts=["a\ud800", "é"]),
        '{"kind": "step", "step": 7, "epoch": 0.25, "loss": 9.0, "gradient_norm": 2.0, "learning_rate": 0.001, '
        '"skipped": "a spike", "in_a_row": 1, "offsets": [3, 9], "texts": ["a\\ud800", "\\u00e9"]}',
    ),
    "an evaluation": (
        EvaluationRecord(step=7, loss=1.25, characters=90, elapsed=2.5),
        '{"kind": "evaluation", "step": 7, "loss": 1.25, "characters": 90, "elapsed": 2.5}',
    ),
}


@pytest.mark.parametrize(("record", "line"), RECORDS.values(), ids=RECORDS)
def test_a_record_is_written_as_earlier_releases_did_and_read_back(record: Record, line: str) -> None:
    """Keys, their order and spaces are what users' scripts look for."""
    assert encode_record(record) == f"{line}\n".encode()
    found = decode_record(encode_record(record))
    assert found is not None
    for name in found.__struct_fields__:
        was, now = getattr(record, name), getattr(found, name)
        same = was == now or (isinstance(was, float) and not math.isfinite(was) and math.isnan(now))
        assert same, name


@pytest.mark.parametrize(
    "line", [b'{"kind": "step", "step": 7}', b"7\n", b"\xff\n", b'{"step": 7}\n', b"\n", b""]
)
def test_a_line_that_is_not_a_record_is_ignored(line: bytes) -> None:
    """Such as the incomplete line of a process that was killed."""
    assert decode_record(line) is None


def test_records_are_read_in_turn_without_the_damaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"".join(f"{line}\n{{\n".encode() for _, line in RECORDS.values()))
    assert [type(record) for record in read_records(path)] == [StepRecord] * 4 + [EvaluationRecord]


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = History.of(folder_of(tmp_path, *STEPS, *EVALUATIONS))
    assert history.steps.tolist() == [*range(1, 9)]
    assert history.losses == pytest.approx([4.0 / n for n in range(1, 9)])
    assert (history.evaluated.tolist(), history.validation.tolist()) == ([4, 6], [1.5, 1.0])
    assert (history.last_step, history.chunk) == (8, 15)
    assert history.pace == pytest.approx(6 * 15 / 150)


def test_the_time_to_a_loss_is_that_of_the_first_evaluation_that_reached_it(tmp_path: Path) -> None:
    history = History.of(folder_of(tmp_path, *STEPS, *EVALUATIONS))
    assert history.reached(2.0) == history.reached(1.5) == (4, 60.0)
    assert history.reached(1.49) == history.reached(1.0) == (6, 150.0)
    assert history.reached(0.99) is None


def test_minutes_are_known_up_to_the_last_evaluation(tmp_path: Path) -> None:
    history = History.of(folder_of(tmp_path, *STEPS, *EVALUATIONS))
    assert history.minutes(np.array([0, 2, 4, 5, 6])) == pytest.approx([0, 0.5, 1, 1.75, 2.5])
    assert np.isnan(history.minutes(np.array([7]))).all()


@pytest.mark.parametrize(
    "line",
    [
        '{"kind": "step", "step": 9',
        "[]",
        '{"kind": "step", "step": true, "loss": 1.0}',
        '{"kind": "step", "step": -1, "loss": 1.0}',
        '{"kind": "step", "step": 9, "loss": "1"}',
        '{"kind": "step", "step": 9, "loss": 1e999}',
        '{"kind": "step", "step": 9, "loss": NaN}',
        '{"kind": "step", "step": 9, "loss": null}',
        '{"kind": "step", "step": 9, "loss": 70.0, "skipped": "a spike"}',
        '{"kind": "step", "step": 9, "loss": 1e300}',
        '{"kind": "evaluation", "step": 9, "loss": 1.0, "elapsed": -1.0}',
        '{"kind": "something", "step": 9, "loss": 1.0}',
        "[" * 100_000,
    ],
)
def test_lines_that_are_damaged_or_not_finite_are_left_out(line: str, tmp_path: Path) -> None:
    whole = History.of(folder_of(tmp_path, *STEPS, *EVALUATIONS))
    history = History.of(folder_of(tmp_path, *STEPS, line, *EVALUATIONS))
    assert history.steps.tolist() == whole.steps.tolist()
    assert history.evaluated.tolist() == whole.evaluated.tolist()


def test_steps_made_again_count_once(tmp_path: Path) -> None:
    again = History.of(folder_of(tmp_path, *STEPS, {**STEPS[3], "loss": 9.0}))
    assert again.steps.tolist() == [*range(1, 9)]
    assert math.isclose(again.losses[3], 9.0)


def test_a_run_without_evaluations(tmp_path: Path) -> None:
    history = History.of(folder_of(tmp_path, *STEPS))
    assert (history.pace, history.reached(9.0), history.last_step) == (None, None, 8)
    assert np.isnan(history.minutes(history.steps)).all()


def test_a_run_without_metrics_is_refused(tmp_path: Path) -> None:
    run = folder_of(tmp_path)
    with pytest.raises(CharloopError, match="has no step"):
        History.of(run)
    run.metrics.unlink()
    with pytest.raises(CharloopError, match=r"cannot read .*metrics\.jsonl \(No such file"):
        History.of(run)
