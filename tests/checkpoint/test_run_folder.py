"""A run's folder is read back with suspicion: whatever is wrong with it is one error that names the file."""

import json
import shutil
from pathlib import Path

import pytest

import charloop
from charloop.checkpoint import RunFolder, load_tensors, save_tensors
from charloop.config import RunConfig
from charloop.data import Vocabulary
from charloop.errors import CharloopError
from charloop.trained import load
from training.runs import SYMBOLS, assert_identical, configure, go_on, run

CONFIG, VOCABULARY, WEIGHTS = "config.json", "vocabulary.json", "model.safetensors"
STATE = "training_state.safetensors"


def edit(path: Path, change) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_a_folder_holds_what_the_documents_say_and_no_more(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {CONFIG, VOCABULARY, WEIGHTS, STATE, "metrics.jsonl", "samples"}


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
    for file in files:
        code = [line for line in file.read_text().splitlines() if line.strip().startswith(("import", "from"))]
        assert not imports & {word for line in code for word in line.replace(".", " ").split()}, file
        assert not any(
            word in file.read_text() for word in ("allow_pickle", "np.load(", " eval(", " exec(")
        ), file


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY, WEIGHTS])
def test_a_part_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CharloopError, match=rf"{name}.*; "):
        load(folder)


def test_a_missing_training_state_is_named_when_it_is_needed(folder: Path) -> None:
    (folder / STATE).unlink()
    load(folder)
    for use in (go_on, lambda path: load(path, weights="last")):
        with pytest.raises(CharloopError, match=rf"{STATE} is missing; "):
            use(folder)


@pytest.mark.parametrize("name", [WEIGHTS, STATE])
def test_damaged_tensors_are_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 4
    (folder / name).write_bytes(content)
    with pytest.raises(CharloopError, match=rf"{name} is damaged.*; copy it again"):
        load(folder, weights="best" if name == WEIGHTS else "last")


DAMAGE = ["", "{", "[]", "null", '"text"', '{"format": 1', "\0" * 20, "[" * 100_000, "{}x", '{"a": NaN']


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
@pytest.mark.parametrize("content", DAMAGE, ids=range(len(DAMAGE)))
def test_damaged_json_is_named(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(CharloopError, match=rf"{name}.*; "):
        load(folder)


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY])
def test_json_that_is_not_text_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b'{"a": "\xff\xfe"}')
    with pytest.raises(CharloopError, match=rf"{name} is damaged.*; "):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.update(symbols=v["symbols"][::-1]),
        lambda v: v.update(symbols=[]),
        lambda v: v.update(symbols=["ab", "c"]),
        lambda v: v.update(symbols=[1, 2]),
        lambda v: v.update(symbols="abc"),
        lambda v: v.update(unit="word"),
        lambda v: v.update(unit="byte"),
        lambda v: v.update(extra=1),
        lambda v: v.pop("symbols"),
    ],
)
def test_a_vocabulary_that_is_none_is_named(folder: Path, change) -> None:
    edit(folder / VOCABULARY, change)
    with pytest.raises(CharloopError, match=rf"{VOCABULARY}.*; "):
        load(folder)


@pytest.mark.parametrize("weights", ["best", "last"])
@pytest.mark.parametrize("symbols", ["abcdefghijz", "abcdefghij"])
def test_another_runs_vocabulary_is_refused(folder: Path, weights: str, symbols: str) -> None:
    edit(folder / VOCABULARY, lambda v: v.update(symbols=list(symbols)))
    with pytest.raises(CharloopError, match=rf"{VOCABULARY} does not fit.*; copy both from the same run"):
        load(folder, weights=weights)


@pytest.mark.parametrize("field", ["hidden_size", "embed_size", "num_layers"])
def test_weights_of_another_shape_are_refused(folder: Path, field: str) -> None:
    edit(folder / CONFIG, lambda v: v["model"].update({field: v["model"][field] + 1}))
    with pytest.raises(CharloopError, match=rf"{WEIGHTS}.*; .*same run|of two runs"):
        load(folder)


def test_weights_of_which_one_is_missing_or_too_many(folder: Path) -> None:
    tensors, metadata = load_tensors(folder / WEIGHTS)
    extra = tensors | {"rnn.weight_hh_l2": tensors["rnn.weight_hh_l1"]}
    fewer = {name: value for name, value in tensors.items() if name != "readout.bias"}
    for changed, name in ((extra, "rnn.weight_hh_l2"), (fewer, "readout.bias")):
        save_tensors(folder / WEIGHTS, changed, metadata)
        with pytest.raises(CharloopError, match=rf"{WEIGHTS}: {name} is .*; "):
            load(folder)


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_an_unknown_format_is_refused(folder: Path, number: object) -> None:
    edit(folder / CONFIG, lambda v: v.update(format=number))
    with pytest.raises(CharloopError, match=rf"{CONFIG}: format.*update charloop"):
        load(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["model"].update(cell="lstn"),
        lambda v: v["model"].update(unroll="x"),
        lambda v: v["model"].update(hidden_size=-1),
        lambda v: v["model"].update(hiddensize=7),
        lambda v: v.update(model=[]),
        lambda v: v["training"].update(learning_rate="fast"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(folder: Path, change) -> None:
    edit(folder / CONFIG, change)
    with pytest.raises(CharloopError):
        load(folder)


def test_what_is_not_a_run_is_refused_with_a_hint(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(CharloopError, match="no such run"):
        load(tmp_path / "nowhere")
    with pytest.raises(CharloopError, match=r"is not a run.*did you mean .*run\?"):
        load(tmp_path)
    with pytest.raises(CharloopError, match="no such run"):
        load(folder / CONFIG)
    with pytest.raises(CharloopError, match="allowed: best, last"):
        load(folder, weights="first")


def test_a_run_that_is_there_is_never_overwritten(folder: Path, pristine: Path) -> None:
    before = load_tensors(folder / WEIGHTS)[0]
    config = RunFolder.open(pristine).config
    with pytest.raises(CharloopError, match=r"already holds a run.*--resume.*--overwrite"):
        run(folder, config)
    assert_identical(load_tensors(folder / WEIGHTS)[0], before)


def test_overwrite_sets_the_old_run_aside_whole_as_often_as_it_is_asked(folder: Path) -> None:
    config = RunFolder.open(folder).config
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    run(folder, config, overwrite=True)
    run(folder, config, overwrite=True)
    aside = folder.with_name("run~1")
    assert {path.name: path.read_bytes() for path in aside.iterdir() if path.is_file()} == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["run", "run~1", "run~2"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_never_touched(tmp_path: Path, pristine: Path, overwrite: bool) -> None:
    """Not even set aside: it may be someone's home."""
    other = tmp_path / "home"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(CharloopError, match=r"is not empty, and not a run.*--out"):
        run(other, RunFolder.open(pristine).config, overwrite=overwrite)
    assert [path.name for path in other.iterdir()] == ["letter.txt"]
    assert not (tmp_path / "home~1").exists()


def test_an_empty_folder_is_used(tmp_path: Path, pristine: Path) -> None:
    (tmp_path / "empty").mkdir()
    run(tmp_path / "empty", RunFolder.open(pristine).config)
    load(tmp_path / "empty")


@pytest.mark.parametrize("out", [".", "..", "../../run"])
def test_the_folder_we_stand_in_is_not_set_aside(
    folder: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    """It would take us along, and the new run would be written over the old one."""
    shutil.copy(folder / CONFIG, folder.parent / CONFIG)
    config = RunFolder.open(folder).config
    monkeypatch.chdir(folder / "samples" if out.endswith("run") else folder)
    with pytest.raises(CharloopError, match="cannot be set aside from within; change to another folder"):
        run(Path(out), config, overwrite=True)
    load(folder)


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
    for use in (load, go_on, lambda path: load(path, weights="last")):
        with pytest.raises(CharloopError, match=r"not run unasked; add --cell .*own\.py:Own"):
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
        for use in (load, go_on, lambda path: run(tmp_path / "new", RunConfig(), init_from=path)):
            with pytest.raises(CharloopError):
                use(folder)
    assert not (folder / "was-run").exists()


def test_a_run_can_be_looked_at_without_its_code(own: Path) -> None:
    assert RunFolder.open(own, inspect=True).config.model.cell.endswith("own.py:Own")
    assert not (own / "was-run").exists()


def test_another_cell_than_the_runs_does_not_fit(own: Path) -> None:
    with pytest.raises(CharloopError, match="shape of rnn"):
        load(own, cell="gru")


def test_facts_go_with_the_weights(folder: Path) -> None:
    weights, facts = RunFolder.open(folder).load_weights()
    assert facts["step"] == 2
    assert facts["validation_loss"] > 0
    assert set(weights) >= {"embedding.weight", "readout.bias"}
