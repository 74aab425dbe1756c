"""Invalid flags: one line that names the flag, what was got and what is allowed."""

import math
from pathlib import Path
from typing import Any

import pytest

from charloop import load
from charloop.cli.main import COMMANDS as COMMAND_NAMES
from cli.commands import assert_refused, call, prints, process

TRAIN: dict[str, tuple[Any, ...]] = {
    "--batch-size 0": ("--batch-size", 0, "a whole number >= 1"),
    "--batch-size -2": ("--batch-size", -2, "a whole number >= 1"),
    "--seq-length 0": ("--seq-length", 0, "a whole number >= 1"),
    "--hidden-size 0": ("--hidden-size", 0, "a whole number >= 1"),
    "--hidden-size=-1": ("--hidden-size", -1, "a whole number >= 1"),
    "--num-layers 0": ("--num-layers", 0, "a whole number >= 1"),
    "--num-layers 1099511627776": ("--num-layers", 1099511627776, "a whole number <= 256"),
    "--embed-size -1": ("--embed-size", -1, "a whole number >= 0"),
    "--steps 0": ("--steps", 0, "a whole number >= 1"),
    "--epochs -1": ("--epochs", -1, "a whole number >= 1"),
    "--minutes 0": ("--minutes", 0.0, "a number > 0.0"),
    "--minutes nan": ("--minutes", math.nan, "a number > 0.0"),
    "--eval-every -1": ("--eval-every", -1, "a whole number >= 0"),
    "--learning-rate 0": ("--learning-rate", 0.0, "a number > 0.0"),
    "--learning-rate -1e-3": ("--learning-rate", -0.001, "a number > 0.0"),
    "--learning-rate nan": ("--learning-rate", math.nan, "a number > 0.0"),
    "--learning-rate inf": ("--learning-rate", math.inf, "a number <= 1000000.0"),
    "--dropout 1": ("--dropout-between", 1.0, "a number < 1.0"),
    "--dropout nan": ("--dropout-between", math.nan, "a number >= 0.0"),
    "--clip-norm nan": ("--clip-norm", math.nan, "a number >= 0.0"),
    "--validation-fraction 1": ("--validation-fraction", 1.0, "a number < 1.0"),
    "--seed -1": ("--seed", -1, "a whole number >= 0"),
    "--hidden-size 1e3": (
        "--hidden-size: got '1e3'; allowed: a whole number",
        None,
        None,
        "charloop train --help",
    ),
    "--steps 1.5": ("--steps: got '1.5'; allowed: a whole number", None, None, "charloop train --help"),
    "--steps none": ("--steps: got 'none'; allowed: a whole number", None, None, "charloop train --help"),
    "--learning-rate fast": (
        "--learning-rate: got 'fast'; allowed: a number",
        None,
        None,
        "charloop train --help",
    ),
    "--hidden-size": ("--hidden-size needs a value", None, None, "charloop train --help"),
    "--resume": ("--resume needs a value", None, None, "charloop train --help"),
    "--unit word": ("--unit", "word", "byte, char", "charloop train --help"),
    "--optimizer adan": ("--optimizer", "adan", "adam, adamw, muon, rmsprop, sgd", "'adam'"),
    "--hiden-size 3": ("unknown flag", "--hiden-size", None, "--hidden-size"),
    "--hiden-size=3": ("unknown flag", "--hiden-size=3", None, "--hidden-size"),
    "-x": ("unknown flag", "-x", None, "charloop train --help"),
    "--preset fats": ("unknown preset", "fats", "auto, base, fast, large, tiny", "'fast'"),
    "--unroll fusde": ("unknown unrolling", "fusde", "dynamic, fused, scan, static, xla", "'fused'"),
    "--cell lsmt": ("unknown cell", "lsmt", "gru, ln-lstm, lstm, nas, rnn", "'lstm'"),
    "--cell gru --cell-options reset_afetr=false": (
        "unknown option of the cell gru",
        "reset_afetr",
        "reset_after",
        "'reset_after'",
    ),
    "--cell gru --cell-options reset_after=7": ("option reset_after of the cell", "7", "true or false"),
    "--cell gru --cell-options reset_after": (
        "a cell's option is NAME=VALUE",
        "reset_after",
        None,
        "write e.g. reset_after=false",
    ),
    "--encoding utf-9": (
        "unknown encoding",
        "utf-9",
        "utf-8, latin-1, utf-16, cp1252 or another of Python's",
    ),
    "--devices 99": ("devices", 99, "1 to 2 here, 0 to choose"),
    "--tie-embedding --preset fast": (
        "a tied embedding needs embed-size = hidden-size",
        "embed-size 64, hidden-size 256",
    ),
    "--validation-fraction 0.6 --test-fraction 0.6": (
        "the validation and test fractions leave nothing to train on",
        (0.6, 0.6),
        "0 or more each, less than 1 together",
    ),
}


@pytest.mark.parametrize("flags", TRAIN)
def test_an_invalid_flag_of_train(flags: str, tmp_path: Path, book: Path) -> None:
    before = prints(book)
    assert_refused(call("train", str(book), *flags.split()), *TRAIN[flags])
    assert (prints(book), list(tmp_path.iterdir())) == (before, [])


SAMPLE: dict[str, tuple[Any, ...]] = {
    "--length 0": ("--length", 0, "a whole number >= 1"),
    "--temperature -1": ("--temperature", -1.0, "a number >= 0.0"),
    "--temperature nan": ("--temperature", math.nan, "a number >= 0.0"),
    "--temperature hot": (
        "--temperature: got 'hot'; allowed: a number, or two as in 0.4:1.1",
        None,
        None,
        "--help",
    ),
    "--temperature 1:2:3": ("--temperature: got '1:2:3'; allowed: a number, or two", None, None, "--help"),
    "--temperature 0.4:": ("--temperature: got '0.4:'; allowed: a number, or two", None, None, "--help"),
    "--temperature 0.4:-1": ("--temperature", (0.4, -1.0), "a number >= 0.0"),
    "--top-k -1": ("--top-k", -1, "a whole number >= 0"),
    "--top-p 0": ("--top-p", 0.0, "a number > 0.0"),
    "--top-p 1.5": ("--top-p", 1.5, "a number <= 1.0"),
    "--min-p 2": ("--min-p", 2.0, "a number <= 1.0"),
    "--repetition-penalty 0": ("--repetition-penalty", 0.0, "a number >= 0.01"),
    "--repetition-penalty 101": ("--repetition-penalty", 101.0, "a number <= 100.0"),
    "--repetition-penalty 2 --repetition-window -1": ("--repetition-window", -1, "a whole number >= 0"),
    "--repetition-window 9": ("--repetition-window needs --repetition-penalty",),
    "--no-repeat 0": ("--no-repeat", 0, "a whole number >= 1"),
    "--bias e": ("--bias: got 'e'; allowed: a character, =, a number", None, None, "charloop sample --help"),
    "--bias ee=1": ("--bias: got 'ee=1'; allowed: a character", None, None, "charloop sample --help"),
    "--bias e=high": ("--bias: got 'e=high'; allowed: a character", None, None, "charloop sample --help"),
    "--bias e=1 --bias o=nan": ("--bias", {"e": 1.0, "o": math.nan}, "a number >= -1000.0"),
    "--bias e=1001": ("--bias", {"e": 1001.0}, "a number <= 1000.0"),
    "--bias 7=1": ("bias of a character that the network does not know", "7", None, "--unknown skip"),
    "--num-samples 0": ("--num-samples", 0, "a whole number >= 1"),
    "--lines 0": ("--lines", 0, "a whole number >= 1"),
    "--seed -1": ("--seed", -1, "a whole number >= 0"),
    "--seed 4294967296": ("--seed", 4294967296, "a whole number <= 4294967295"),
    "--mode wrods": ("--mode", "wrods", "always, words", "'words'"),
    "--weights newest": ("--weights", "newest", "best, last", "'best'"),
    "--promt x": ("unknown flag", "--promt", None, "--prompt"),
    "more": ("does not know what to do with", "more", None, "charloop sample --help"),
}


@pytest.mark.parametrize("flags", SAMPLE)
def test_an_invalid_flag_of_sample(flags: str, trained: Path) -> None:
    assert_refused(call("sample", str(trained), *flags.split()), *SAMPLE[flags])


@pytest.mark.parametrize("flag", ["--stop", "--forbid"])
def test_an_empty_text_where_one_is_needed(flag: str, trained: Path) -> None:
    assert_refused(call("sample", str(trained), flag, ""), flag, "", "text of length >= 1")


def test_a_network_that_may_write_nothing(trained: Path) -> None:
    all_characters = "".join(load(trained).vocabulary.symbols)
    for more in ((), ("--regex", "f.*")):
        outcome = call("sample", str(trained), "--forbid", all_characters, *more)
        assert_refused(outcome, "forbid leaves no character to write", all_characters, None, "forbid fewer")


COMMANDS: dict[str, tuple[Any, ...]] = {
    "sample": ("RUN is missing", None, None, "charloop sample --help"),
    "eval": ("RUN is missing", None, None, "charloop eval --help"),
    "info": ("RUN is missing", None, None, "charloop info --help"),
    "cells --explain lsmt": ("unknown cell", "lsmt", "gru, ln-lstm, lstm, nas, rnn", "'lstm'"),
    "cells all": ("does not know what to do with", "all", None, "charloop cells --help"),
    "train a.txt --steps 3 b.txt": (
        "does not know what to do with",
        "b.txt",
        None,
        "name all texts side by side",
    ),
    "corpora --jsn": ("unknown flag", "--jsn", None, "charloop corpora --help"),
    "eval run --text a --split val": (
        "more than one text to score",
        None,
        None,
        "give files, or --text, or --split",
    ),
    "eval run file --split val": (
        "more than one text to score",
        None,
        None,
        "give files, or --text, or --split",
    ),
    "eval run --split all": ("--split", "all", "test, train, val", "'val'"),
    "bench": ("charloop bench: no benchmark", None, "speed, unroll", "charloop bench --help"),
    "bench roll": ("unknown benchmark", "roll", "speed, unroll", "'unroll'"),
    "bench train --settings S3": (
        "charloop bench train is now a script",
        None,
        None,
        "run `python -m bench.train` in a checkout of charloop (see bench/README.md)",
    ),
    "bench speed --num-samples 8 0": ("--num-samples", (8, 0), "a whole number >= 1"),
    "bench speed --length x": (
        "--length: got 'x'; allowed: a whole number",
        None,
        None,
        "charloop bench speed --help",
    ),
    "bench unroll --repeats 0": ("--repeats", 0, "a whole number >= 1"),
    "bench unroll --hidden-size 0": ("--hidden-size", 0, "a whole number >= 1"),
    "bench unroll --vocab-size x": (
        "--vocab-size: got 'x'; allowed: a whole number",
        None,
        None,
        "charloop bench unroll --help",
    ),
    "bench unroll --unrollings scna": (
        "unknown unrolling",
        "scna",
        "dynamic, fused, scan, static, xla",
        "'scan'",
    ),
    "bench unroll --cell lsmt": ("unknown cell", "lsmt", "gru, ln-lstm, lstm, nas, rnn", "'lstm'"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_invalid_command_line(command: str) -> None:
    assert_refused(call(*command.split()), *COMMANDS[command])


def test_an_unknown_command() -> None:
    found = call("trian", "x")
    assert_refused(found, "command", "trian", ", ".join(sorted(COMMAND_NAMES)), "'train'")
    assert process("trian", "x") == found, "the program prints the same"
