"""The plugin for llm, run by llm's own command line."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporting.networks import make_network

llm = pytest.importorskip("llm", reason="llm is not installed")
ROOT = Path(__file__).parents[2]
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`llm ARGUMENTS` in a folder with a run; its own settings and log stay in that folder."""
    from click.testing import CliRunner
    from llm import plugins
    from llm.cli import cli

    from charloop import llm_plugin

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    # Where charloop is installed, its entry point has registered the plugin already.
    if not plugins.pm.is_registered(llm_plugin):
        plugins.pm.register(llm_plugin)
    make_network("rnn").save(tmp_path / "runs/book")
    make_network("rnn").save(tmp_path / "else where")
    (tmp_path / "runs/not trained yet").mkdir()
    (tmp_path / "runs/not trained yet/config.json").write_text("{}")

    def call(*arguments: str) -> Any:
        monkeypatch.setattr(sys, "argv", ["llm", *arguments])
        return CliRunner().invoke(cli, arguments)

    return call


def test_llm_continues_a_prompt(run: Run) -> None:
    network = make_network("rnn")
    expected = network.sample("ab", length=30, temperature=0.7, top_k=5, seed=3)[0]
    options = [
        word
        for pair in ("length 30", "temperature 0.7", "top_k 5", "seed 3")
        for word in ["-o", *pair.split()]
    ]
    for path in ("runs/book", "else where"):
        for more in ([], ["--no-stream"]):
            made = run("-m", f"charloop/{path}", "ab", *options, *more)
            assert made.exit_code == 0, made.output
            assert made.output == f"{expected}\n"


def test_a_run_is_found_however_it_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    how = ["ab", "-o", "temperature", "0", "-o", "length", "9"]
    expected = (
        make_network("rnn").sample("ab", length=9, temperature=0)[0].encode(errors="replace").decode() + "\n"
    )
    assert run("--model=charloop/else where", *how).output == expected
    assert run("prompt", "-mcharloop/else where", *how).output == expected
    monkeypatch.setenv("LLM_MODEL", "charloop/else where")
    assert run(*how).output == expected
    monkeypatch.delenv("LLM_MODEL")
    assert run("models", "default", "charloop/else where").exit_code == 0
    assert run(*how).output == expected


def test_llm_lists_the_runs_and_their_options(run: Run) -> None:
    listed = run("models", "--options").output
    assert "CharloopModel: charloop/runs/book" in listed
    assert "else where" not in listed
    assert "not trained" not in listed
    assert "top_p: float" in listed


def test_what_is_wrong_is_said_in_a_line(run: Run) -> None:
    made = run("-m", "charloop/nowhere", "ab")
    assert made.exit_code == 1
    assert made.output.startswith("Error: no such run: got 'nowhere'")
    made = run("-m", "charloop/runs/book", "abz")
    assert made.exit_code == 1
    assert "'z'" in made.output
    made = run("-m", "charloop/runs/book", "a", "-o", "temperature", "-1")
    assert "temperature" in made.output
    assert "greater than or equal to 0" in made.output


def test_half_a_surrogate_pair_is_written_as_a_question_mark(run: Run) -> None:
    how = ["-o", "length", "400", "-o", "seed", "1"]
    (text,) = make_network("rnn").sample("a", length=400, seed=1)
    assert "\ud800" in text
    assert run("-m", "charloop/runs/book", "a", *how).output == text.replace("\ud800", "?") + "\n"


def test_without_a_seed_texts_differ(run: Run) -> None:
    made = [run("-m", "charloop/runs/book", "a", "-o", "length", "60").output for _ in range(2)]
    assert made[0] != made[1]


def test_a_conversation_is_not_offered(run: Run) -> None:
    assert run("chat", "-m", "charloop/runs/book").exit_code != 0
    assert llm.get_model("charloop/runs/book").supports_conversation is False


def test_the_package_names_the_plugin() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert settings["project"]["entry-points"]["llm"] == {"charloop": "charloop.llm_plugin"}
