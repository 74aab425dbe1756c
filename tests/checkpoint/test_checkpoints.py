"""The newest checkpoints are kept, and no more; a damaged one is reported and the one before it used."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import RunFolder, load_tensors, save_tensors
from charloop.checkpoint.checkpoints import Checkpoints
from charloop.errors import CharloopError
from charloop.trained import load
from checkpoint.files import CHECKPOINTS, STATE, VOCABULARY, WEIGHTS, edit
from training.runs import assert_identical, configure, resume_recorded, run


def state(step: int) -> dict[str, np.ndarray]:
    return {"step": np.array(step, np.int64)}


def steps_of(checkpoints: Checkpoints) -> list[int]:
    return [int(checkpoints.read(path).tensors["step"]) for path in checkpoints.paths()]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path, "fingerprint")


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_newest_are_kept(checkpoints: Checkpoints, keep: int) -> None:
    made = []
    for step in (0, 7, 90, 1000, 10**10):
        checkpoints.write(step, state(step), {"elapsed": step / 2}, keep)
        made.append(step)
        assert steps_of(checkpoints) == made[::-1][:keep]
    assert checkpoints.newest().facts == {"elapsed": 10**10 / 2}
    assert checkpoints.newest().notes == ()


def test_what_is_newer_than_the_one_being_written_is_not_removed(checkpoints: Checkpoints) -> None:
    """A newer damaged checkpoint that a run did not continue from does not displace intact ones."""
    for step in (10, 20, 30):
        checkpoints.write(step, state(step), {}, 3)
    checkpoints.path_of(30).write_bytes(b"")
    checkpoints.write(25, state(25), {}, 2)
    assert [path.name[12:14] for path in checkpoints.paths()] == ["30", "25", "20"]
    assert int(checkpoints.newest().tensors["step"]) == 25


def test_other_files_beside_the_checkpoints_are_left_alone(checkpoints: Checkpoints) -> None:
    checkpoints.folder.mkdir()
    for name in ("notes.txt", "step-1.safetensors", "step-000000001.safetensors~"):
        (checkpoints.folder / name).write_text("mine")
    for step in range(1, 4):
        checkpoints.write(step, state(step), {}, 1)
    assert steps_of(checkpoints) == [3]
    assert len(list(checkpoints.folder.iterdir())) == 4


@pytest.mark.parametrize("content", [b"", b"\0" * 500, None])
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_it_used(
    checkpoints: Checkpoints, content: bytes | None
) -> None:
    for step in (10, 20, 30):
        checkpoints.write(step, state(step), {}, 3)
    path = checkpoints.path_of(30)
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    found = checkpoints.newest()
    assert int(found.tensors["step"]) == 20
    (note,) = found.notes
    assert note.startswith(f"{path} is damaged (")
    assert note.endswith("; step-000000020.safetensors is used instead")
    assert path.exists(), "nothing is deleted"


def test_a_run_resumes_from_the_previous_checkpoint_and_ends_in_the_same_state(
    folder: Path, tmp_path: Path
) -> None:
    text = Path(RunFolder.open(folder).config.data.corpus[0])
    longer = configure(text, steps=4)
    whole = resume_recorded(Path(shutil.copytree(folder, tmp_path / "whole")), longer)
    (folder / STATE).write_bytes(b"damaged")
    made = resume_recorded(folder, longer)
    assert made.started.resumed_at == 0
    assert [note for note in made.started.notes if "is damaged" in note]
    assert made.steps[0].step == 1
    assert made.state.keys() == whole.state.keys()


def test_the_last_weights_are_those_of_the_checkpoint_before_and_it_is_reported(folder: Path) -> None:
    (folder / STATE).write_bytes(b"damaged")
    network = load(folder, weights="last")
    assert len(network.notes) == 1
    assert "step-000000000.safetensors is used instead" in network.notes[0]
    assert load(folder).notes == ()


def test_a_vocabulary_of_another_run_is_not_repaired_by_an_older_checkpoint(folder: Path) -> None:
    edit(folder / VOCABULARY, lambda v: v.update(symbols=list("abcdefghijz")))
    with pytest.raises(
        CharloopError, match=r"vocabulary\.json does not fit checkpoints/step-0+2\.safetensors"
    ):
        load(folder, weights="last")


@pytest.mark.parametrize("facts", ["[1]", "{", "[" * 100_000])
@pytest.mark.parametrize("name", [WEIGHTS, STATE])
def test_invalid_facts_are_damage(folder: Path, name: str, facts: str) -> None:
    tensors, metadata = load_tensors(folder / name)
    save_tensors(folder / name, tensors, metadata | {"facts": facts})
    with pytest.raises(CharloopError, match="is damaged"):
        load(folder, weights="best" if name == WEIGHTS else "last")


def test_a_run_of_the_first_releases_with_one_checkpoint_continues(folder: Path, tmp_path: Path) -> None:
    text = Path(RunFolder.open(folder).config.data.corpus[0])
    whole = run(tmp_path / "whole", configure(text, steps=6))
    shutil.move(folder / STATE, folder / "training_state.safetensors")
    shutil.rmtree(folder / CHECKPOINTS)
    made = resume_recorded(folder, configure(text, steps=6))
    assert made.started.resumed_at == 2
    assert_identical(made.state, whole.state)


def test_the_same_arrays_are_the_same_file(tmp_path: Path) -> None:
    """The library orders metadata differently each time."""
    files = set()
    for number in range(8):
        path = tmp_path / str(number)
        save_tensors(path, state(3), {name: name * 3 for name in "qwertyuiop"})
        files.add(path.read_bytes())
    assert len(files) == 1
