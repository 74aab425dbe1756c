"""Folders that are not runs, are damaged or do not fit: refused before any harm, and left unchanged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from charloop.checkpoint import load_tensors, save_tensors
from cli.commands import BRIEF, assert_refused, call, done, prints, process, refused

WEIGHTS, STATE = "model.safetensors", "checkpoints/step-000000016.safetensors"
OLDER = "checkpoints/step-000000008.safetensors"


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit flipped": (flip_a_bit, "is damaged (its checksum does not match)"),
    "truncated": (cut_short, "is damaged ("),
    "emptied": (lambda path: path.write_bytes(b""), "is damaged ("),
    "of another kind": (lambda path: path.write_text("weights"), "is damaged ("),
    "gone": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_weights_that_are_damaged(kind: str, copied: Path) -> None:
    spoil, message = SPOILED[kind]
    spoil(copied / WEIGHTS)
    before = prints(copied)
    for command in (("sample",), ("eval", "--text", "the fox")):
        assert_refused(call(command[0], str(copied), *command[1:]), f"{copied / WEIGHTS} {message}")
    assert f"none yet ({copied / WEIGHTS} {message}" in done(call("info", str(copied)))
    assert prints(copied) == before


@pytest.mark.parametrize("kind", [kind for kind in SPOILED if kind != "gone"])
def test_checkpoints_that_are_all_damaged(kind: str, copied: Path) -> None:
    spoil, message = SPOILED[kind]
    for save in (STATE, OLDER):
        spoil(copied / save)
    before = prints(copied)
    for command in (("train", "--steps", "20", "--resume"), ("sample", "--weights", "last"), ("verify",)):
        assert_refused(call(*command, str(copied)), f"{copied / STATE} {message}", do="copy it again")
    assert prints(copied) == before


@pytest.mark.parametrize("kind", ["bit flipped", "emptied"])
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_used(kind: str, copied: Path) -> None:
    spoil, message = SPOILED[kind]
    spoil(copied / STATE)
    damage = f"{copied / STATE} {message}"
    found = call("sample", "--weights", "last", str(copied), "--seed", "0")
    assert found.code == 0
    assert found.err.startswith(f"note: {damage}")
    note, read = found.err.splitlines()
    assert note.endswith("; step-000000008.safetensors is used instead")
    assert read.startswith("note: read from ")
    assert damage in done(call("eval", str(copied), "--weights", "last"))
    out = done(call("train", "--steps", "20", "--resume", str(copied)))
    assert f"\nnote     {damage}" in out
    assert "\nresume   continues after step 8\n" in out


def test_checkpoints_that_are_missing(copied: Path) -> None:
    shutil.rmtree(copied / "checkpoints")
    before = prints(copied)
    for command in (("train", "--steps", "20", "--resume"), ("sample", "--weights", "last"), ("verify",)):
        outcome = call(*command, str(copied))
        assert_refused(outcome, f"{copied / 'checkpoints'} is missing or empty", do="copy it again")
    assert prints(copied) == before


def test_the_program_refuses_to_resume_from_damaged_checkpoints(copied: Path) -> None:
    for name in (WEIGHTS, STATE, OLDER):
        flip_a_bit(copied / name)
    before = prints(copied)
    assert "is damaged (its checksum does not match)" in refused(
        process("train", "--resume", str(copied), "--steps", "20")
    )
    assert prints(copied) == before


@pytest.mark.parametrize("file", ["config.json", "vocabulary.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", "\x00", '{"format": 99}'])
def test_other_files_that_are_damaged(file: str, content: str, copied: Path) -> None:
    (copied / file).write_text(content)
    before = prints(copied)
    assert file in refused(call("sample", str(copied)))
    assert file in refused(call("train", "--resume", str(copied), "--steps", "20"))
    assert prints(copied) == before


def test_a_vocabulary_that_does_not_fit_the_weights(copied: Path) -> None:
    """Of the same size, so that nothing but its content can tell."""
    file = copied / "vocabulary.json"
    values = json.loads(file.read_text())
    values["symbols"][-1] = chr(ord(values["symbols"][-1]) + 1)
    file.write_text(json.dumps(values))
    before = prints(copied)
    for command in (("sample", str(copied)), ("eval", str(copied), "--text", "the")):
        assert_refused(call(*command), f"{file} does not fit {WEIGHTS}", do="the same run")
    assert prints(copied) == before


def test_weights_of_another_type(copied: Path) -> None:
    tensors, metadata = load_tensors(copied / WEIGHTS)
    halved = {name: value.astype(np.float16) for name, value in tensors.items()}
    save_tensors(copied / WEIGHTS, halved, metadata)
    assert_refused(call("sample", str(copied)), f"{copied / WEIGHTS}: type of ", "float16", "float32")


def test_a_configuration_that_does_not_fit_the_weights(copied: Path) -> None:
    file = copied / "config.json"
    file.write_text(file.read_text().replace('"hidden_size": 12', '"hidden_size": 13'))
    line = refused(call("sample", str(copied)))
    assert line.startswith(f"{copied / WEIGHTS}: shape of ")
    assert "must come from the same run" in line


@pytest.mark.parametrize("command", [("sample",), ("eval",), ("info",), ("train", "--resume")])
def test_a_folder_that_is_not_a_run(command: tuple[str, ...], trained: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    for path in ("nowhere", str(trained / "config.json")):
        assert_refused(call(*command, path), "no such run", path, do="`charloop train`")
    assert_refused(call(*command, "runs"), "runs is not a run: it has no config.json", do="`charloop train`")
    shutil.copytree(trained, "runs/book")
    assert_refused(call(*command, "runs"), "runs is not a run", do="did you mean runs/book?")


def test_a_training_text_that_changed_since_the_run_began(tmp_path: Path, book: Path) -> None:
    text = Path(shutil.copy(book, tmp_path / "book.txt"))
    done(call("train", str(text), *BRIEF, "--output", "run"))
    text.write_text(text.read_text().replace("fox", "cat"))
    before = prints(tmp_path)
    for command in (
        ("train", "--resume", "run", "--steps", "20"),
        ("eval", "run", "--split", "val"),
        ("eval", "run"),
    ):
        assert_refused(call(*command), "the text of run has changed", do="restore it")
    assert prints(tmp_path) == before
    text.unlink()
    for command in (("train", "--resume", "run", "--steps", "20"), ("eval", "run+ngram", "other.txt")):
        assert_refused(call(*command), "the text of run is not there any more", str(text), do="put it back")
    assert "no such file" in refused(call("train", "--resume", "run", "other.txt", "--steps", "20"))


def test_a_test_text_that_was_never_set_apart(trained: Path) -> None:
    assert_refused(call("eval", str(trained), "--split", "test"), "no test text", do="--test-fraction")


@pytest.mark.parametrize(
    ("facts", "location"),
    [
        ({}, "missing required field `step`"),
        ({"step": "3", "validation_loss": 1.0}, "$.step"),
        ({"step": 3, "validation_loss": "low"}, "$.validation_loss"),
        ({"step": 3, "validation_loss": 1.0, "validation_characters": -1}, "$.validation_characters"),
    ],
)
def test_weights_with_invalid_facts(facts: object, location: str, copied: Path) -> None:
    """Their checksum is right: somebody meant it so, or another program made them."""
    tensors, metadata = load_tensors(copied / WEIGHTS)
    save_tensors(copied / WEIGHTS, tensors, metadata | {"facts": json.dumps(facts)})
    outcome = call("info", str(copied))
    assert_refused(outcome, f"{copied / WEIGHTS} is damaged (", do="copy it again")
    assert location in outcome.err


@pytest.mark.parametrize(("key", "value"), [("characters", "many"), ("description", 3), ("notes", "none")])
def test_a_configuration_with_invalid_facts_of_the_text(key: str, value: object, copied: Path) -> None:
    file = copied / "config.json"
    values = json.loads(file.read_text())
    values["text"][key] = value
    file.write_text(json.dumps(values))
    line = refused(call("info", str(copied)))
    assert line.startswith(f"{file} is damaged (")
    assert f"$.{key}" in line


@pytest.mark.parametrize("name", ["x" * 300, "x" * 100_000])
def test_a_name_that_no_file_can_have_is_not_a_run(name: str) -> None:
    assert_refused(call("info", name), "no such run", name, do="`charloop train`")


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("vocabulary.json", {"\ud800": 1}),
        ("config.json", {"format": 1, "training": {"seed": "\ud800"}}),
        ("config.json", {"format": 1, "model": {"dropout_kind": "\ud800"}}),
    ],
)
def test_half_a_surrogate_pair_where_a_name_should_be(
    copied: Path, file: str, values: dict[str, object]
) -> None:
    """JSON can represent it, UTF-8 cannot."""
    (copied / file).write_text(json.dumps(values))
    for command in (("info",), ("train", "--steps", "20", "--resume")):
        line = refused(call(*command, str(copied)))
        assert f"{copied / file} is damaged (" in line
        assert "half of a surrogate pair" in line


def test_losses_without_an_end_of_line_are_refused_before_anything_is_written(copied: Path) -> None:
    (copied / "metrics.jsonl").write_bytes(b"x" * (2 << 20))
    before = prints(copied)
    outcome = call("train", "--steps", "20", "--resume", str(copied))
    assert_refused(outcome, f"{copied / 'metrics.jsonl'} (a line of more than 1 MB)", do="move it away")
    assert prints(copied) == before
