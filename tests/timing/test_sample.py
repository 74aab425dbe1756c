"""What `python -m bench.sample` prints and writes: here of programs that do nothing, and of charloop's own."""

import json
import runpy
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.programs import PEERS
from bench.sample import FILTERS, NETWORKS, least_operations, main

PROGRAM = "def build(setting): return (lambda: None), {'filters': setting['filters']}"


def test_a_table_is_printed_and_every_figure_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("charloop", "quick"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sample.py").write_text(PROGRAM)
    file = tmp_path / "figures.json"
    few = ["--networks", "2x128", "--num-samples", "1", "2", "--length", "40", "--rounds", "2"]
    main([*few, "--peers", str(tmp_path), "--output", str(file)])
    out = capsys.readouterr().out
    assert "lstm, 2 x 128, one text of 40 characters" in out
    assert "lstm, 2 x 128, 2 texts at once of 40 characters" in out
    written = json.loads(file.read_text())
    assert written["filters"] == FILTERS
    for result, texts in zip(written["results"], (1, 2), strict=True):
        ours, quick = result["rows"]
        assert (ours["program"], quick["program"]) == ("charloop", "quick")
        assert ours["versions"] == {"filters": FILTERS}
        assert len(ours["steps"]) == 2
        assert result["setting"]["num_samples"] == texts
        assert f"{texts * 40 / ours['median']:,.0f}" in out


def test_the_products_of_a_character_are_counted_by_hand() -> None:
    # Two layers of 128: two products with the state, one between the layers, one readout.
    assert least_operations(NETWORKS["2x128"]) == 2 * (2 * 128 * 512 + 128 * 512 + 128 * 65)


def test_our_own_program_is_asked_for_what_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        "charloop.benchmark.speed.make_writer", lambda *sizes, **settings: calls.append((*sizes, settings))
    )
    build = runpy.run_path(str(PEERS / "charloop" / "sample.py"))["build"]
    network = asdict(NETWORKS["2x128"])
    _, versions = build(network | {"num_samples": 3, "length": 30, "vocab_size": 65, "filters": {**FILTERS}})
    assert calls == [(NETWORKS["2x128"], 65, 3, FILTERS | {"length": 30})]
    assert versions.keys() == {"charloop", "jax"}
