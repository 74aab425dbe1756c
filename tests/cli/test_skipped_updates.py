"""Training that fails, as a person sees it: a cell that fails occasionally, a learning rate that is far too high."""

import json
import re
from pathlib import Path

import pytest

from cli.commands import ENDLESS, SMALL_RUN, Outcome, call, done, refused

CELL = """
from dataclasses import dataclass
import jax.numpy as jnp
from charloop import Cell
from charloop.cells import linear

@dataclass(frozen=True)
class Fragile(Cell):
    gates = 1

    def init(self, key, input_size):
        params = super().init(key, input_size)
        # Its input is one-hot: the last character of the alphabet is what it cannot bear.
        return params | {"weight_ih": params["weight_ih"].at[:, -1].set(100.0)}

    def step(self, params, inputs, state):
        from_input = linear(params, "ih", inputs)
        hidden = jnp.tanh(from_input + linear(params, "hh", state["hidden"]))
        hidden = jnp.where(from_input > 50, jnp.nan, hidden)
        return {"hidden": hidden}, hidden
"""
FLAGS = (
    *SMALL_RUN,
    "--embed-size",
    "0",
    "--steps-per-call",
    "4",
    "--warmup-steps",
    "4",
    "--sample-every",
    "0",
)


@pytest.fixture
def fragile(tmp_path: Path) -> tuple[Path, str]:
    """A text with one character, early on, of which a cell makes no number; and the cell."""
    (tmp_path / "cells.py").write_text(CELL)
    text = "the cat sat on the mat, and then it ate the rat. " * 100
    (tmp_path / "book.txt").write_text(text[:700] + "~" + text[700:])
    return tmp_path / "book.txt", f"{tmp_path / 'cells.py'}:Fragile"


def test_a_run_with_a_cell_that_fails_now_and_then_ends_well_and_says_what_was_left_out(
    tmp_path: Path, fragile: tuple[Path, str]
) -> None:
    book, cell = fragile
    out = done(
        call("train", str(book), "--cell", cell, *FLAGS, "--steps", "120", "--output", str(tmp_path / "run"))
    )
    assert "skipped  step 44: loss nan, gradient norm nan; update discarded, learning rate halved" in out
    assert re.search(r"^skipped  2 updates discarded; skipped.jsonl in the run has their text$", out, re.M)
    lines = [json.loads(line) for line in (tmp_path / "run" / "skipped.jsonl").read_text().splitlines()]
    assert all(any("~" in text for text in line["texts"]) for line in lines)
    info = done(call("info", str(tmp_path / "run")))
    assert f"skipped     {len(lines)} updates discarded: see skipped.jsonl" in info
    assert json.loads(done(call("info", str(tmp_path / "run"), "--json")))["skipped"] == len(lines)


def test_a_run_without_skipped_updates_mentions_none(training: tuple[Path, Outcome]) -> None:
    assert "skipped" not in done(training[1]) + done(call("info", str(training[0])))


def test_a_rate_of_100_ends_with_one_line_that_says_what_to_change(tmp_path: Path, book: Path) -> None:
    flags = (*ENDLESS, "--hidden-size", "64", "--learning-rate", "100", "--steps", "400")
    outcome = call("train", str(book), *flags, "--output", str(tmp_path / "run"))
    assert outcome.code == 2
    line = outcome.err.removeprefix("charloop: ")
    assert line.count("\n") == 1
    assert "training has diverged: 10 updates in a row were skipped" in line
    assert "lower --learning-rate (to 10)" in line


def test_the_update_guard_can_be_turned_off(tmp_path: Path, fragile: tuple[Path, str]) -> None:
    book, cell = fragile
    flags = (
        "--cell",
        cell,
        *FLAGS,
        "--steps",
        "100",
        "--max-skipped",
        "0",
        "--output",
        str(tmp_path / "run"),
    )
    assert "training has diverged: loss nan" in refused(call("train", str(book), *flags), out="model")
    assert not (tmp_path / "run" / "skipped.jsonl").exists()
