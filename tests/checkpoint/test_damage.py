"""A run's folder is checked when it is opened: any damage is one error that names the file."""

import os
import shutil
from pathlib import Path

import pytest

from charloop.checkpoint import RunFolder, load_tensors, save_tensors
from charloop.errors import CharloopError
from charloop.trained import load
from checkpoint.files import CHECKPOINTS, CONFIG, STATE, VOCABULARY, WEIGHTS, edit
from refusing import refused
from training.runs import resume_recorded


@pytest.mark.parametrize("name", [CONFIG, VOCABULARY, WEIGHTS])
def test_a_part_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CharloopError, match=rf"{name}.*; "):
        load(folder)


def test_checkpoints_that_are_missing_are_named_when_they_are_needed(folder: Path) -> None:
    shutil.rmtree(folder / CHECKPOINTS)
    load(folder)
    for use in (resume_recorded, lambda path: load(path, weights="last")):
        with refused(f"{CHECKPOINTS} is missing or empty", do="copy it again"):
            use(folder)


def flip(path: Path) -> None:
    """Flip a bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_damaged_weights_are_named(folder: Path) -> None:
    flip(folder / WEIGHTS)
    with refused(f"{WEIGHTS} is damaged", do="copy it again"):
        load(folder)


def test_where_all_checkpoints_are_damaged_the_newest_is_named(folder: Path) -> None:
    for checkpoint in (folder / CHECKPOINTS).iterdir():
        flip(checkpoint)
    for use in (resume_recorded, lambda path: load(path, weights="last")):
        with refused(f"{STATE} is damaged", do="copy it again"):
            use(folder)


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
def test_an_invalid_vocabulary_is_named(folder: Path, change) -> None:
    edit(folder / VOCABULARY, change)
    with pytest.raises(CharloopError, match=rf"{VOCABULARY}.*; "):
        load(folder)


@pytest.mark.parametrize("weights", ["best", "last"])
@pytest.mark.parametrize("symbols", ["abcdefghijz", "abcdefghij"])
def test_another_runs_vocabulary_is_refused(folder: Path, weights: str, symbols: str) -> None:
    edit(folder / VOCABULARY, lambda v: v.update(symbols=list(symbols)))
    with refused(f"{VOCABULARY} does not fit", do="copy both from the same run"):
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
    with refused(f"{CONFIG}: format", got=number, allowed="1", do="update charloop"):
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


@pytest.mark.parametrize("name", [VOCABULARY, WEIGHTS, "metrics.jsonl", "skipped.jsonl"])
@pytest.mark.parametrize("target", ["pipe", "/dev/zero"])
def test_a_pipe_or_a_device_instead_of_a_file_is_not_read(
    folder: Path, tmp_path: Path, name: str, target: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (folder / name).unlink(missing_ok=True)
    os.rename(tmp_path / "pipe", folder / name) if target == "pipe" else (folder / name).symlink_to(target)
    with pytest.raises(CharloopError, match=name):
        resume_recorded(folder) if name.endswith("l") else load(folder)


def test_weights_larger_than_the_memory_are_not_read(folder: Path) -> None:
    os.truncate(folder / WEIGHTS, 1 << 42)
    with refused(f"{WEIGHTS} is damaged (it is larger than this machine's memory"):
        load(folder)


def test_what_a_run_was_made_with_may_be_nonsense(folder: Path) -> None:
    edit(
        folder / CONFIG,
        lambda v: v.update(made_with=[3, {}, {"from_step": "x"}, {"from_step": 0, "jax": [1]}]),
    )
    assert [dict(one) for one in RunFolder.open(folder).made_with] == [{"from_step": 0, "jax": [1]}]
