"""What a run leaves behind; no run is ever overwritten."""

import shutil
from pathlib import Path

import pytest

import charloop
from charloop.checkpoint import RunFolder, load_tensors
from charloop.data import Vocabulary
from charloop.trained import load
from checkpoint.files import CONFIG, STATE, VOCABULARY, WEIGHTS
from refusing import refused
from training.runs import SYMBOLS, assert_identical, configure, run


def test_a_folder_holds_what_the_documents_say_and_no_more(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        CONFIG,
        VOCABULARY,
        WEIGHTS,
        "baselines.json",
        "metrics.jsonl",
        "samples",
        "checkpoints",
        ".lock",
    }
    assert (folder / STATE).is_file()


def test_what_was_asked_for_is_what_is_read(folder: Path) -> None:
    opened = RunFolder.open(folder)
    config = configure(Path(opened.config.data.corpus[0]), steps=2)
    assert opened.config == config
    assert opened.vocabulary == Vocabulary(tuple(SYMBOLS))
    assert opened.text["characters"] == 211


def test_a_copy_elsewhere_writes_and_scores_without_its_text(folder: Path, pristine: Path) -> None:
    first, copy = load(pristine), load(folder)
    assert copy.sample("abc", length=20, seed=1) == first.sample("abc", length=20, seed=1)
    assert copy.evaluate("abcdefg") == first.evaluate("abcdefg")


def test_no_pickle_anywhere() -> None:
    source = Path(charloop.__file__).parent
    files = list(source.rglob("*.py"))
    assert len(files) > 40
    imports = {"pickle", "marshal", "shelve", "joblib", "dill", "torch"}
    reader = source / "trained/torch_files.py"
    assert reader.read_text().count("torch.load(") == reader.read_text().count("weights_only=True)") == 1
    for file in files:
        if file == reader:
            continue
        code = [line for line in file.read_text().splitlines() if line.strip().startswith(("import", "from"))]
        assert not imports & {word for line in code for word in line.replace(".", " ").split()}, file
        assert not any(
            word in file.read_text() for word in ("allow_pickle", "np.load(", " eval(", " exec(")
        ), file


def test_a_run_that_is_there_is_never_overwritten(folder: Path, pristine: Path) -> None:
    before = load_tensors(folder / WEIGHTS)[0]
    config = RunFolder.open(pristine).config
    with refused("already holds a run", do="--overwrite"):
        run(folder, config)
    assert_identical(load_tensors(folder / WEIGHTS)[0], before)


def test_overwrite_renames_the_old_run_each_time(folder: Path) -> None:
    config = RunFolder.open(folder).config
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    run(folder, config, overwrite=True)
    run(folder, config, overwrite=True)
    aside = folder.with_name("run~1")
    assert {path.name: path.read_bytes() for path in aside.iterdir() if path.is_file()} == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["run", "run~1", "run~2"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_never_touched(tmp_path: Path, pristine: Path, overwrite: bool) -> None:
    """Not even renamed: it may be someone's home folder."""
    other = tmp_path / "home"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with refused("is not empty, and not a run", do="--output"):
        run(other, RunFolder.open(pristine).config, overwrite=overwrite)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]
    assert not (tmp_path / "home~1").exists()


def test_an_empty_folder_is_used(tmp_path: Path, pristine: Path) -> None:
    (tmp_path / "empty").mkdir()
    run(tmp_path / "empty", RunFolder.open(pristine).config)
    load(tmp_path / "empty")


@pytest.mark.parametrize("out", [".", "..", "../../run"])
def test_the_working_directory_is_not_renamed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    """The process would move with it, and the new run would overwrite the old one."""
    shutil.copy(folder / CONFIG, folder.parent / CONFIG)
    config = RunFolder.open(folder).config
    monkeypatch.chdir(folder / "samples" if out.endswith("run") else folder)
    with refused("cannot be set aside from within", do="change to another folder"):
        run(Path(out), config, overwrite=True)
    load(folder)


def test_facts_go_with_the_weights(folder: Path) -> None:
    weights, facts = RunFolder.open(folder).load_weights()
    assert facts["step"] == 2
    assert facts["validation_loss"] > 0
    assert set(weights) >= {"embedding.weight", "readout.bias"}
