"""Settings from TOML and JSON and back; every wrong one refused by its name, with what is right."""

import inspect
import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from charloop.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from charloop.configfile import SECTIONS, from_dict, read_config, to_dict, validate
from charloop.errors import CharloopError
from charloop.model import CharLM
from charloop.presets import PRESETS, find_preset
from charloop.training.optimizer import make_optimizer

CHANGED = RunConfig(
    DataConfig(corpus=("a b.txt", "é"), unit="byte", validation_fraction=0.25),
    ModelConfig(cell="gru", cell_options=("reset_after=false",), tie_embedding=True, hidden_size=7),
    TrainingConfig(optimizer="sgd", learning_rate=1.0, steps=12, clip_norm=0.0),
)


def write(path: Path, values: dict) -> Path:
    path.write_text(json.dumps(values) if path.suffix == ".json" else tomli_w.dumps(values))
    return path


@pytest.mark.parametrize("name", ["run.toml", "run.json", "run"])
@pytest.mark.parametrize("config", [RunConfig(), CHANGED])
def test_a_configuration_comes_back_from_a_file(tmp_path: Path, config: RunConfig, name: str) -> None:
    assert read_config(write(tmp_path / name, to_dict(config))) == config


def test_a_file_lies_over_what_is_below_it_and_leaves_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path / "run.toml", {"model": {"num_layers": 3}})
    expected = replace(CHANGED, model=replace(CHANGED.model, num_layers=3))
    assert read_config(path, CHANGED) == expected


def test_a_budget_is_one_thing(tmp_path: Path) -> None:
    path = write(tmp_path / "run.toml", {"training": {"minutes": 2.0}})
    read = read_config(path, CHANGED).training
    assert (read.minutes, read.steps, read.epochs) == (2.0, None, None)
    assert from_dict({"training": {"optimizer": "adam"}}, CHANGED).training.steps == 12


def test_the_config_of_a_run_can_be_given_back(tmp_path: Path) -> None:
    header = {"format": 1, "charloop": "0.1", "text": {"characters": 3}}
    assert read_config(write(tmp_path / "config.json", header | to_dict(CHANGED))) == CHANGED


def test_whole_numbers_will_do_for_fractions() -> None:
    assert from_dict({"training": {"learning_rate": 1, "minutes": 3}}).training.minutes == 3


BOUNDS = {
    ("data", "batch_size"): (1, 2**40),
    ("data", "seq_length"): (1, 2**40),
    ("data", "validation_fraction"): (0, 0.999),
    ("model", "num_layers"): (1, 256),
    ("model", "hidden_size"): (1, 2**24),
    ("model", "embed_size"): (0, 2**24),
    ("model", "embedding_dropout"): (0, 0.999),
    ("model", "dropout_input"): (0, 0.999),
    ("model", "dropout_between"): (0, 0.999),
    ("model", "dropout_output"): (0, 0.999),
    ("training", "learning_rate"): (1e-30, 1e6),
    ("training", "decay_rate"): (1e-30, 1),
    ("training", "average_decay"): (0, 0.999),
    ("training", "average_after"): (0, 2**40),
    ("training", "beta1"): (0, 0.999),
    ("training", "weight_decay"): (0, 1e6),
    ("training", "clip_norm"): (0, 1e6),
    ("training", "max_skipped"): (0, 2**40),
    ("training", "spike_threshold"): (0, 1e6),
    ("training", "recovery_steps"): (1, 2**40),
    ("training", "epochs"): (1, 2**40),
    ("training", "steps"): (1, 2**40),
    ("training", "minutes"): (1e-30, 1e6),
    ("training", "steps_per_call"): (1, 2**40),
    ("training", "seed"): (0, 2**32 - 1),
}


@pytest.mark.parametrize(("setting", "bounds"), BOUNDS.items(), ids=lambda value: str(value))
def test_every_number_has_a_range(setting: tuple[str, str], bounds: tuple[float, float]) -> None:
    section, key = setting
    for right in bounds:
        assert getattr(getattr(from_dict({section: {key: right}}), section), key) == right
    wrong = [bounds[0] - 1, bounds[1] * 2 + 1, float("nan"), float("inf"), -float("inf"), "7", True, [1], {}]
    wrong += [0] if bounds[0] > 0 else []
    wrong += [1.5] if isinstance(bounds[1], int) and bounds[1] > 1 else []
    for value in wrong:
        with pytest.raises(CharloopError, match=rf"^{key.replace('_', '-')}: got .*; allowed: "):
            from_dict({section: {key: value}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"hidden_siz": 1}}, r"unknown key in \[model\]: got 'hidden_siz'.*'hidden_size'"),
        ({"model": {"learning_rate": 1}}, r"learning_rate is not in \[model\]; move it to \[training\]"),
        ({"hidden_size": 1}, r"hidden_size is outside its section; move it under \[model\]"),
        ({"mdoel": {}}, "unknown section: got 'mdoel'.*did you mean 'model'"),
        ({"model": 3}, r"\[model\]: got 3"),
        ({"model": {"cell": 3}}, "cell: got 3; allowed: text"),
        ({"model": {"tie_embedding": 1}}, "tie-embedding: got 1; allowed: true or false"),
        ({"model": {"dropout_kind": "elment"}}, "dropout-kind: got 'elment'.*element, variational"),
        ({"training": {"optimizer": "adan"}}, "optimizer: got 'adan'.*adam, adamw, muon, rmsprop, sgd"),
        ({"data": {"corpus": "one.txt"}}, "corpus: got 'one.txt'"),
        ({"data": {"batch_size": 0}}, "batch-size: got 0; allowed: a whole number >= 1"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_right(values: dict, message: str) -> None:
    with pytest.raises(CharloopError, match=message):
        from_dict(values)


@pytest.mark.parametrize("name", ["run.toml", "run.json"])
def test_a_wrong_setting_in_a_file_names_the_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(CharloopError, match=rf"in .*{name}: batch-size: got 0"):
        read_config(write(tmp_path / name, {"data": {"batch_size": 0}}))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"[model\n", "is not valid TOML"),
        ("a.toml", b"x = nan", "x"),
        ("a.json", b"{", "is not valid JSON"),
        ("a.json", b"[" * 100_000, "is not valid JSON"),
        ("a.json", b"[1]", "holds no settings"),
        ("a.toml", b"\xff", "not UTF-8 text"),
        ("a.toml", b"training.learning_rate = nan", "learning-rate: got nan"),
        ("a.json", b'{"training": {"learning_rate": NaN}}', "learning-rate: got nan"),
        ("a.json", b'{"model": null}', r"\[model\]: got None|section"),
    ],
)
def test_an_invalid_configuration_file_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CharloopError, match=message) as caught:
        read_config(tmp_path / name)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(CharloopError, match="cannot read the configuration"):
            read_config(path)


def test_a_configuration_made_in_python_is_checked_too() -> None:
    assert validate(CHANGED) == CHANGED
    with pytest.raises(CharloopError, match="learning-rate: got nan"):
        validate(RunConfig(training=TrainingConfig(learning_rate=float("nan"))))


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(max_size=8), st.recursive(st.integers() | st.text(), st.lists), max_size=3))
def test_nonsense_is_one_kind_of_error(values: dict) -> None:
    for nested in (values, {"model": values}, {"training": values}):
        try:
            from_dict(nested)
        except CharloopError:
            continue


def test_every_field_says_what_it_is() -> None:
    """The command line and the reference are made of it: a docstring under each."""
    for made in SECTIONS.values():
        source = "".join(inspect.getsource(kind) for kind in reversed(made.__mro__[:-1]))
        for field in fields(made):
            after = source.rsplit(f"    {field.name}: ", 1)[1].split("\n", 1)[1]
            assert after.lstrip().removeprefix("r").startswith('"""'), field.name


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_valid_and_builds(name: str) -> None:
    config = find_preset(name)
    assert validate(config) == config
    assert asdict(config) != asdict(RunConfig())
    training = config.training
    assert training.epochs or training.steps or training.minutes
    CharLM.build(config.model, 65)
    make_optimizer(training)


def test_an_unknown_preset_is_refused_with_the_nearest() -> None:
    with pytest.raises(CharloopError, match="did you mean 'fast'"):
        find_preset("fats")
