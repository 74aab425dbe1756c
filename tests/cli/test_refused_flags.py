"""Invalid flags: one line that names the flag, what was got and what is allowed."""

from pathlib import Path

import pytest

from cli.commands import call, prints, process, refused

TRAIN = {
    "--batch-size 0": "--batch-size: got 0; allowed: a whole number >= 1",
    "--batch-size -2": "--batch-size: got -2; allowed: a whole number >= 1",
    "--seq-length 0": "--seq-length: got 0; allowed: a whole number >= 1",
    "--hidden-size 0": "--hidden-size: got 0; allowed: a whole number >= 1",
    "--hidden-size=-1": "--hidden-size: got -1; allowed: a whole number >= 1",
    "--num-layers 0": "--num-layers: got 0; allowed: a whole number >= 1",
    "--num-layers 1099511627776": "--num-layers: got 1099511627776; allowed: a whole number <= 256",
    "--embed-size -1": "--embed-size: got -1; allowed: a whole number >= 0",
    "--steps 0": "--steps: got 0; allowed: a whole number >= 1",
    "--epochs -1": "--epochs: got -1; allowed: a whole number >= 1",
    "--minutes 0": "--minutes: got 0.0; allowed: a number > 0.0",
    "--minutes nan": "--minutes: got nan; allowed: a number > 0.0",
    "--eval-every -1": "--eval-every: got -1; allowed: a whole number >= 0",
    "--learning-rate 0": "--learning-rate: got 0.0; allowed: a number > 0.0",
    "--learning-rate -1e-3": "--learning-rate: got -0.001; allowed: a number > 0.0",
    "--learning-rate nan": "--learning-rate: got nan; allowed: a number > 0.0",
    "--learning-rate inf": "--learning-rate: got inf; allowed: a number <= 1000000.0",
    "--dropout 1": "--dropout-between: got 1.0; allowed: a number < 1.0",
    "--dropout nan": "--dropout-between: got nan; allowed: a number >= 0.0",
    "--clip-norm nan": "--clip-norm: got nan; allowed: a number >= 0.0",
    "--validation-fraction 1": "--validation-fraction: got 1.0; allowed: a number < 1.0",
    "--seed -1": "--seed: got -1; allowed: a whole number >= 0",
    "--hidden-size 1e3": "--hidden-size: got '1e3'; allowed: a whole number; see charloop train --help",
    "--steps 1.5": "--steps: got '1.5'; allowed: a whole number; see charloop train --help",
    "--steps none": "--steps: got 'none'; allowed: a whole number; see charloop train --help",
    "--learning-rate fast": "--learning-rate: got 'fast'; allowed: a number; see charloop train --help",
    "--hidden-size": "--hidden-size needs a value; see charloop train --help",
    "--resume": "--resume needs a value; see charloop train --help",
    "--unit word": "unknown value of --unit: got 'word'; allowed: byte, char; see charloop train --help",
    "--optimizer adan": "unknown value of --optimizer: got 'adan'; allowed: adam, adamw, rmsprop, sgd; did you mean",
    "--hiden-size 3": "unknown flag: got '--hiden-size'; did you mean --hidden-size?",
    "--hiden-size=3": "unknown flag: got '--hiden-size=3'; did you mean --hidden-size?",
    "-x": "unknown flag: got '-x'; see charloop train --help",
    "--preset fats": "unknown preset: got 'fats'; allowed: base, fast, tiny; did you mean 'fast'?",
    "--unroll fusde": "unknown unrolling: got 'fusde'; allowed: dynamic, fused, scan, static, xla; did you mean",
    "--cell lsmt": "unknown cell: got 'lsmt'; allowed: gru, ln-lstm, lstm, nas, rnn; did you mean 'lstm'?",
    "--cell gru --cell-options reset_afetr=false": "unknown option of the cell gru: got 'reset_afetr'",
    "--cell gru --cell-options reset_after=7": "allowed: true or false",
    "--cell gru --cell-options reset_after": "a cell's option is NAME=VALUE: got 'reset_after'",
    "--encoding utf-9": "unknown encoding: got 'utf-9'",
    "--devices 99": "devices: got 99; allowed: 1 to",
    "--tie-embedding": "embed",
    "--validation-fraction 0.6 --test-fraction 0.6": "leave nothing to train on",
}


@pytest.mark.parametrize("flags", TRAIN)
def test_train(flags: str, tmp_path: Path, book: Path) -> None:
    before = prints(book)
    line = refused(call("train", str(book), *flags.split()))
    assert TRAIN[flags] in line
    assert (prints(book), list(tmp_path.iterdir())) == (before, [])


SAMPLE = {
    "--length 0": "--length: got 0; allowed: a whole number >= 1",
    "--temperature -1": "--temperature: got -1.0; allowed: a number >= 0.0",
    "--temperature nan": "--temperature: got nan; allowed: a number >= 0.0",
    "--top-k -1": "--top-k: got -1; allowed: a whole number >= 0",
    "--top-p 0": "--top-p: got 0.0; allowed: a number > 0.0",
    "--top-p 1.5": "--top-p: got 1.5; allowed: a number <= 1.0",
    "--min-p 2": "--min-p: got 2.0; allowed: a number <= 1.0",
    "--num-samples 0": "--num-samples: got 0; allowed: a whole number >= 1",
    "--lines 0": "--lines: got 0; allowed: a whole number >= 1",
    "--seed -1": "--seed: got -1; allowed: a whole number >= 0",
    "--seed 4294967296": "--seed: got 4294967296; allowed: a whole number <= 4294967295",
    "--mode wrods": "unknown value of --mode: got 'wrods'; allowed: always, words; did you mean 'words'?",
    "--weights newest": "unknown value of --weights: got 'newest'; allowed: best, last",
    "--promt x": "unknown flag: got '--promt'; did you mean --prompt?",
    "more": "charloop sample does not know what to do with: got 'more'",
}


@pytest.mark.parametrize("flags", SAMPLE)
def test_sample(flags: str, trained: Path) -> None:
    assert SAMPLE[flags] in refused(call("sample", str(trained), *flags.split()))


def test_a_stop_that_is_not_a_string(trained: Path) -> None:
    line = refused(call("sample", str(trained), "--stop", ""))
    assert line == "--stop: got ''; allowed: text of length >= 1"


COMMANDS = {
    "trian x": "unknown command: got 'trian'; allowed: baselines, bench, cells, compare, corpora, eval, info, plot,"
    " presets, report, sample, sweep, train, verify; did you mean 'train'? see charloop --help",
    "sample": "RUN is missing; see charloop sample --help",
    "eval": "RUN is missing; see charloop eval --help",
    "info": "RUN is missing; see charloop info --help",
    "cells --explain lsmt": "unknown cell: got 'lsmt'; allowed: gru, ln-lstm, lstm, nas, rnn; did you mean 'lstm'?",
    "cells all": "charloop cells does not know what to do with: got 'all'; see charloop cells --help",
    "train a.txt --steps 3 b.txt": "charloop train does not know what to do with: got 'b.txt'; name all texts",
    "corpora --jsn": "unknown flag: got '--jsn'; see charloop corpora --help",
    "eval run --text a --split val": "more than one text to score; give files, or --text, or --split",
    "eval run file --split val": "more than one text to score; give files, or --text, or --split",
    "eval run --split all": "unknown value of --split: got 'all'; allowed: test, train, val",
    "bench": "charloop bench: no benchmark; allowed: speed, unroll; see charloop bench --help",
    "bench roll": "unknown benchmark: got 'roll'; allowed: speed, unroll; did you mean 'unroll'?",
    "bench train --settings S3": "charloop bench train is now a script; run `python -m bench.train`",
    "bench speed --num-samples 8 0": "--num-samples: got (8, 0); allowed: a whole number >= 1",
    "bench speed --length x": "--length: got 'x'; allowed: a whole number",
    "bench unroll --repeats 0": "--repeats: got 0; allowed: a whole number >= 1",
    "bench unroll --hidden-size 0": "--hidden-size: got 0; allowed: a whole number >= 1",
    "bench unroll --vocab-size x": "--vocab-size: got 'x'; allowed: a whole number",
    "bench unroll --unrollings scna": "unknown unrolling: got 'scna'",
    "bench unroll --cell lsmt": "unknown cell: got 'lsmt'",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str) -> None:
    assert COMMANDS[command] in refused(call(*command.split()))


def test_the_program_refuses_an_unknown_command() -> None:
    assert COMMANDS["trian x"] == refused(process("trian", "x"))
