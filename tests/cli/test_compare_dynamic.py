"""compare --dynamic: the loss of each run while it learns from the text, beside its own."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from charloop.config import DynamicConfig
from cli.commands import assert_refused, call, done
from cli.conftest import text_of


@pytest.fixture
def two(trained: Path, tmp_path: Path) -> tuple[str, str, str]:
    """Two copies of a run, which keep what they measure, and a text."""
    (tmp_path / "text.txt").write_text(text_of(20, seed=5))
    shutil.copytree(trained, tmp_path / "one")
    shutil.copytree(trained, tmp_path / "two")
    return "one", "two", "text.txt"


def test_the_losses_are_those_of_eval(two: tuple[str, str, str]) -> None:
    one, other, text = two
    flags = ("--dynamic", "--dynamic-rate", "0.1", "--json")
    compared = json.loads(done(call("compare", one, other, "--text-file", text, *flags)))
    scored = json.loads(done(call("eval", one, text, *flags)))
    for run in compared["runs"]:
        assert run["dynamic"]["nats_per_character"] == scored["dynamic"]["nats_per_character"]
        assert run["dynamic"]["interval"] == scored["dynamic"]["interval"]["nats_per_character"]
        assert run["nats_per_character"] == scored["nats_per_character"]
    assert scored["dynamic"]["nats_per_character"] != scored["nats_per_character"]
    assert (
        "dynamic"
        not in json.loads(done(call("compare", one, other, "--text-file", text, "--json")))["runs"][0]
    )


def test_tuned_settings_are_those_that_are_used(
    two: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, text = two

    def dynamic(*flags: str) -> list[float]:
        compared = json.loads(done(call("compare", one, other, "--text-file", text, "--json", *flags)))
        return [run["dynamic"]["nats_per_character"] for run in compared["runs"]]

    def tune(_: object, config: DynamicConfig, *__: object) -> Iterator[tuple[DynamicConfig, float]]:
        yield config, 2.0
        yield replace(config, dynamic_rate=0.05), 1.0

    monkeypatch.setattr("charloop.comparison.runs.tune_settings", tune)
    assert dynamic("--dynamic", "--tune") == dynamic("--dynamic", "--dynamic-rate", "0.05")
    assert dynamic("--dynamic") != dynamic("--dynamic", "--tune")


def test_the_table_has_both_losses(two: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, text = two
    monkeypatch.setenv("COLUMNS", "200")
    lines = done(call("compare", one, other, "--text-file", text, "--dynamic")).splitlines()
    (head,) = [line for line in lines if " behind " in line]
    assert head.split()[:4] == ["loss", "interval", "dynamic", "interval"]
    row = next(line for line in lines if line.startswith("one ")).split()
    loss, dynamic = float(row[1]), float(row[5])
    assert dynamic != loss
    assert lines[-1].startswith("dynamic  one")
    assert lines[-2].startswith("best     one")


@pytest.mark.parametrize(
    ("flags", "what", "do"),
    [
        ("--dynamic --limit 5", "--dynamic and --limit", "leave one out"),
        ("--dynamic-rate 0.1", "--dynamic-rate needs --dynamic", "add --dynamic"),
        ("--tune", "--tune needs --dynamic", "add --dynamic"),
    ],
)
def test_what_does_not_go_together_is_refused(trained: Path, flags: str, what: str, do: str) -> None:
    assert_refused(call("compare", str(trained), str(trained), *flags.split()), what, do=do)
