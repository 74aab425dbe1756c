"""`--init-from`: a run starts from the weights and vocabulary of another, and takes nothing else from it."""

import json
from pathlib import Path

import numpy as np
import pytest

from charloop.errors import CharloopError
from charloop.trained import load
from refusing import refused
from training.runs import SYMBOLS, TEXT, Run, assert_identical, configure, resume_recorded, run

FROZEN = {"learning_rate": 1e-30, "weight_decay": 0.0}
"""A learning rate too small to change a weight: the saved weights are those that the run started from."""


@pytest.fixture(scope="module")
def donor(whole: Run) -> Run:
    return whole


@pytest.fixture(scope="module")
def other_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of seven of the donor's eleven characters."""
    path = tmp_path_factory.mktemp("text") / "seven.txt"
    path.write_text("".join(c for c in TEXT if c < "h"))
    return path


def test_a_run_starts_from_the_donors_best_weights_with_its_vocabulary(
    tmp_path: Path, donor: Run, other_text: Path
) -> None:
    made = run(tmp_path / "run", configure(other_text, steps=1, **FROZEN), init_from=donor.folder)
    assert_identical(made.last, donor.best)
    assert load(made.folder).vocabulary.symbols == tuple(SYMBOLS)


def test_a_run_with_a_donor_begins_at_step_zero_with_a_fresh_optimiser(
    tmp_path: Path, donor: Run, text: Path
) -> None:
    made = run(tmp_path / "run", configure(text, steps=2, dropout_between=0.0), init_from=donor.folder)
    assert [step.step for step in made.steps] == [1, 2]
    counts = [value for name, value in made.state.items() if name.endswith("count")]
    assert counts
    assert all(count == 2 for count in counts)
    assert resume_recorded(made.folder).finished.step == 2


def test_the_donor_is_left_as_it_was(tmp_path: Path, donor: Run, text: Path) -> None:
    before = {path: path.read_bytes() for path in donor.folder.rglob("*") if path.is_file()}
    run(tmp_path / "run", configure(text, steps=1), init_from=donor.folder)
    assert {path: path.read_bytes() for path in donor.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "change", [{"hidden_size": 6}, {"num_layers": 1}, {"cell": "gru"}, {"embed_size": 0}]
)
def test_another_network_is_refused_before_anything_is_written(
    tmp_path: Path, donor: Run, text: Path, change: dict
) -> None:
    with pytest.raises(CharloopError, match=r"--init-from: .*same cell and sizes"):
        run(tmp_path / "run", configure(text, **change), init_from=donor.folder)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_a_run_cannot_be_a_donor(tmp_path: Path, text: Path) -> None:
    with pytest.raises(CharloopError, match="is not a run"):
        run(tmp_path / "run", configure(text), init_from=tmp_path)


def test_a_run_with_a_donor_differs_from_a_fresh_start(tmp_path: Path, donor: Run, text: Path) -> None:
    started = run(tmp_path / "run", configure(text, steps=1), init_from=donor.folder)
    assert not np.isclose(started.losses[0], donor.losses[0], atol=1e-3)


@pytest.mark.slow
def test_bytes_stay_bytes(tmp_path: Path, text: Path, donor: Run) -> None:
    """The unit comes with the vocabulary, and config.json records it: other texts are read with it."""
    first = run(tmp_path / "first", configure(text, unit="byte", steps=1))
    made = run(tmp_path / "second", configure(text, steps=1), init_from=first.folder)
    assert load(made.folder).vocabulary.unit == "byte"
    assert json.loads((made.folder / "config.json").read_text())["data"]["unit"] == "byte"
    with refused("--unit does not go with --init-from", got="byte", allowed="char"):
        run(tmp_path / "third", configure(text, unit="byte", steps=1), init_from=donor.folder)
    assert not (tmp_path / "third").exists()
