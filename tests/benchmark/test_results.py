"""The file of figures: new, written at once, and with the machine that they belong to."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from charloop.benchmark.results import ResultsFile, find_commit
from charloop.errors import CharloopError


def test_a_file_says_what_it_was_measured_on_and_keeps_all_figures(tmp_path: Path) -> None:
    file = ResultsFile(str(tmp_path / "x.json"), "speed", length=3)
    assert json.loads(file.path.read_text()).keys() == {"machine", "length"}, "it is there before any figure"
    file.save(speeds=[1])
    file.save(speeds=[1, 2])
    content = json.loads(file.path.read_text())
    assert content["speeds"] == [1, 2]
    assert content["machine"].keys() >= {"processor", "cores", "jax", "numpy", "charloop", "commit"}
    machine = content["machine"]
    assert file.machine_line.startswith(
        f"{machine['processor']}, {machine['cores']} cores, jax {machine['jax']}"
    )


def test_a_file_without_a_name_is_called_after_its_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = ResultsFile("", "unroll").path.name
    assert re.fullmatch(r"bench-unroll-\d{8}-\d{6}\.json", name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text("mine")
    with pytest.raises(CharloopError, match="already exists") as refused:
        ResultsFile(str(path), "speed")
    assert str(path) in refused.value.what
    assert path.read_text() == "mine"


def test_a_folder_that_is_not_there_is_reported_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(CharloopError, match="cannot save"):
        ResultsFile(str(tmp_path / "nowhere" / "x.json"), "speed")


def test_the_commit_is_that_of_the_repository_that_holds_the_file(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
        call = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()

    code, stranger = tmp_path / "code.py", tmp_path / "stranger.py"
    code.write_text("1")
    assert find_commit(code) is None, "there is no repository yet"
    git("init", "--quiet")
    git("add", "code.py")
    git("commit", "--quiet", "--message", "x")
    commit = git("rev-parse", "--short=12", "HEAD")
    assert find_commit(code) == commit
    stranger.write_text("2")
    assert find_commit(stranger) is None, "the repository does not track it"
    code.write_text("3")
    assert find_commit(code) == f"{commit}+"
