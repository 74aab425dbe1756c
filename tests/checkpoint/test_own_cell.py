"""A run with a cell of its own: its code is kept, and never executed unasked."""

from pathlib import Path

import pytest

from charloop.checkpoint import RunFolder
from charloop.config import RunConfig
from charloop.errors import CharloopError
from charloop.trained import load
from checkpoint.files import CONFIG, edit
from refusing import refused
from training.runs import configure, resume_recorded, run

CELL = """
from dataclasses import dataclass
from charloop import CELLS
from pathlib import Path

Path(__file__).with_name("was-run").write_text("")
LSTM = CELLS["lstm"]


@dataclass(frozen=True)
class Own(LSTM):
    pass
"""


@pytest.fixture
def own(tmp_path: Path, pristine: Path) -> Path:
    """A run with a cell of its own."""
    source = tmp_path / "mine" / "own.py"
    source.parent.mkdir()
    source.write_text(CELL)
    text = RunFolder.open(pristine).config.data.corpus[0]
    made = run(tmp_path / "own", configure(Path(text), steps=1, cell=f"{source}:Own"))
    assert (source.parent / "was-run").exists()
    return made.folder


def test_a_runs_own_code_is_kept_beside_it_and_never_run_unasked(own: Path) -> None:
    assert (own / "cell.py").read_text() == CELL
    for use in (load, resume_recorded, lambda path: load(path, weights="last")):
        with refused("not executed unasked", do="add --cell own.py:Own"):
            use(own)
    assert not (own / "was-run").exists()
    load(own, cell=f"{own / 'cell.py'}:Own")
    assert (own / "was-run").exists()


def test_planted_code_is_not_run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cell.py").write_text(CELL)
    load(folder)
    monkeypatch.chdir(folder)
    for name in ("cell.py:Own", f"{folder}/cell.py:Own", "./cell.py:", "x/../cell.py:Own"):
        edit(folder / CONFIG, lambda v, name=name: v["model"].update(cell=name))
        for use in (load, resume_recorded, lambda path: run(tmp_path / "new", RunConfig(), init_from=path)):
            with pytest.raises(CharloopError):
                use(folder)
    assert not (folder / "was-run").exists()


def test_a_run_can_be_looked_at_without_its_code(own: Path) -> None:
    assert RunFolder.open(own, inspect=True).config.model.cell.endswith("own.py:Own")
    assert not (own / "was-run").exists()


def test_another_cell_than_the_runs_does_not_fit(own: Path) -> None:
    with pytest.raises(CharloopError, match="shape of rnn"):
        load(own, cell="gru")
