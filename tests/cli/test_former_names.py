"""Former names of flags and settings: they still work, and no help shows them."""

from pathlib import Path

import pytest

from charloop.cli.commands.sample import SampleFlags
from charloop.cli.flags.parsing import OLD_FLAGS, current_name, given_flags, parse
from charloop.cli.flags.training import TrainFlags
from charloop.config import RunConfig, TrainingConfig
from charloop.configfile import OLD_KEYS, from_dict, read_config
from charloop.errors import CharloopError
from cli.commands import call, done


@pytest.mark.parametrize("given", ["--momentum=0.5", "--momentum 0.5", "--beta1 0.5"])
def test_a_former_flag_sets_what_its_new_name_sets(given: str) -> None:
    flags = parse(TrainFlags, "train", ["book.txt", *given.split()])
    assert flags.expert.beta1 == 0.5
    assert given_flags(given.split()) == {"beta1"}


def test_the_number_of_checkpoints_has_a_former_flag_and_a_former_setting() -> None:
    assert parse(TrainFlags, "train", ["book.txt", "--keep-saves", "5"]).training.keep_checkpoints == 5
    assert from_dict({"training": {"keep_saves": 5}}).training.keep_checkpoints == 5


def test_an_output_is_named_in_three_ways() -> None:
    for flag in ("--output", "--out", "-o"):
        assert parse(TrainFlags, "train", ["book.txt", flag, "place"]).output == Path("place")
        assert given_flags([flag, "place"]) == {"output"}


def test_only_a_flag_is_renamed() -> None:
    for argument in ("out", "--prompt=--out", "--outside", "-out", "--"):
        assert current_name(argument) == argument
    assert current_name("--second_moment=0.9") == current_name("--second-moment=0.9") == "--beta2=0.9"


def test_help_shows_no_former_name() -> None:
    for command in (("train",), ("sweep",), ("plot",), ("report",)):
        words = done(call(*command, "--help")).replace(",", " ").split()
        assert not {f"--{name}" for name in OLD_FLAGS} & set(words)


def test_settings_under_former_names_are_read(tmp_path: Path) -> None:
    file = tmp_path / "old.toml"
    file.write_text("[training]\nmomentum = 0.5\nsecond_moment = 0.75\n")
    assert read_config(file) == RunConfig(training=TrainingConfig(beta1=0.5, beta2=0.75))
    names = set(TrainingConfig.__dataclass_fields__)
    assert set(OLD_KEYS["training"].values()) <= names
    assert not OLD_KEYS["training"].keys() & names


def test_a_setting_under_both_names_is_refused() -> None:
    with pytest.raises(CharloopError) as refused:
        from_dict({"training": {"momentum": 0.5, "beta1": 0.5}})
    assert refused.value.what == "momentum is the former name of beta1, which is given too"


def test_a_program_is_shown_the_new_name() -> None:
    with pytest.raises(CharloopError, match="did you mean 'beta1'"):
        TrainingConfig(momentum=0.5)  # type: ignore[call-arg]


def test_a_command_without_the_flag_names_what_was_typed() -> None:
    with pytest.raises(CharloopError) as refused:
        parse(TrainFlags, "train", ["book.txt", "--second-momentum=0.5", "--beta3"])
    assert refused.value.got == "--second-momentum=0.5"
    with pytest.raises(CharloopError) as refused:
        parse(SampleFlags, "sample", ["run", "--out", "x"])
    assert refused.value.got == "--out"
