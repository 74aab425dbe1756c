"""Help that is complete, readable and quick; lists that show every entry of their registries."""

import dataclasses
import importlib
import re
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import version

import pytest

from cells.table import EXAMPLES
from charloop.auto.rule import RULE
from charloop.cells import CELLS, find_cell_options
from charloop.cli.commands.bench import BENCHMARKS
from charloop.cli.lists.presets import SHOWN
from charloop.cli.main import COMMANDS
from charloop.data import corpora
from charloop.presets import PRESETS
from cli.commands import Outcome, call, done, process

FLAGS = {
    "train": "charloop.cli.flags.training.TrainFlags",
    "sample": "charloop.cli.commands.sample.SampleFlags",
    "eval": "charloop.cli.commands.eval.EvalFlags",
    "compare": "charloop.cli.flags.comparison.CompareFlags",
    "sweep": "charloop.cli.flags.comparison.SweepFlags",
    "vectors": "charloop.cli.commands.vectors.VectorsFlags",
    "compress": "charloop.cli.commands.compress.CompressFlags",
    "decompress": "charloop.cli.commands.decompress.DecompressFlags",
    "export": "charloop.cli.commands.export.ExportFlags",
    "import-torch": "charloop.cli.commands.import_torch.ImportTorchFlags",
    "serve": "charloop.cli.commands.serve.ServeFlags",
    "plot": "charloop.cli.commands.plot.PlotFlags",
    "push": "charloop.cli.commands.push.PushFlags",
    "report": "charloop.cli.commands.report.ReportFlags",
    "info": "charloop.cli.commands.info.InfoFlags",
    "baselines": "charloop.cli.commands.baselines.BaselinesFlags",
    "verify": "charloop.cli.commands.verify.VerifyFlags",
    "cells": "charloop.cli.lists.cells.CellsFlags",
    "corpora": "charloop.cli.lists.corpora.CorporaFlags",
    "presets": "charloop.cli.lists.presets.PresetsFlags",
    "bench speed": "charloop.cli.commands.bench.SpeedFlags",
    "bench unroll": "charloop.cli.commands.bench.UnrollFlags",
}
POSITIONAL = {"repo", "run", "runs", "texts", "corpus", "file"}
HIDDEN = {"sweep": {"cell", "cell_options"}, "baselines": {"batch_size", "seq_length"}}
"""What a command's declaration inherits and does not offer."""


def names(flags: type) -> list[str]:
    """The fields of a command's flags, groups opened."""
    found: list[str] = []
    for field in dataclasses.fields(flags):
        group = field.default_factory if isinstance(field.default_factory, type) else None
        made = field.default_factory() if callable(field.default_factory) else None
        found += names(type(made)) if dataclasses.is_dataclass(group or made) else [field.name]
    return found


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    out = done(call(*arguments))
    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", out, re.MULTILINE)


def test_every_command_is_here() -> None:
    assert [*COMMANDS] == list(dict.fromkeys(name.split()[0] for name in FLAGS))
    assert [f"bench {name}" for name in BENCHMARKS] == [n for n in FLAGS if n.startswith("bench")]


@pytest.mark.parametrize("width", ["80", "160"])
@pytest.mark.parametrize("name", FLAGS)
def test_help_of_a_command(name: str, width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = done(call(*name.split(), "--help"))
    home, _, kind = FLAGS[name].rpartition(".")
    for field in names(getattr(importlib.import_module(home), kind)):
        if field not in POSITIONAL | HIDDEN.get(name, set()):
            assert re.search(rf"(  |│ )(-\w [A-Z]+, )?--{field.replace('_', '-')}[ ,]", out), field
    assert "(default: '')" not in out
    assert max(map(len, out.splitlines())) <= int(width)
    for ugly in ("{None}", "STR", "INT", "FLOAT", "Raises", "CharloopError", "\x1b"):
        assert ugly not in out
    assert done(call(*name.split(), "-h")) == out


def test_defaults_in_help_are_those_of_the_default_preset() -> None:
    for command, size in (("train", "auto"), ("sweep", "256")):
        out = re.sub(r"[│\s]+", " ", done(call(command, "--help")))
        assert f"--hidden-size N Units in each recurrent layer. (default: {size})" in out
        assert (
            "--minutes X Stop after X minutes from the start, reading and compiling included. "
            "The learning-rate schedule follows the clock. "
            "(default: 3.0)" in out
        )


def test_help_does_not_wait_for_jax() -> None:
    asked = [[], ["--help"], *([*name.split(), "--help"] for name in FLAGS)]
    look = f"""
import contextlib, sys
from charloop.cli.main import main
for arguments in {asked}:
    with contextlib.suppress(SystemExit):
        main(arguments)
    print(arguments, "jax" in sys.modules, file=sys.stderr)
"""
    found = process("--version", first=look)
    assert found.err.splitlines() == [f"{arguments} False" for arguments in asked]


def test_an_unknown_flag_is_refused_without_jax() -> None:
    look = "import atexit, sys; atexit.register(lambda: print('jax' in sys.modules, file=sys.stderr))"
    found = process("train", "--hiden-size", "3", first=look)
    assert found == Outcome(
        2, "", "charloop: unknown flag: got '--hiden-size'; did you mean --hidden-size?\nFalse\n"
    )


def test_version() -> None:
    assert done(call("--version")) == f"charloop {version('charloop')}\n" == done(call("-V"))


def test_the_package_runs_as_the_program_does() -> None:
    shown = subprocess.run([sys.executable, "-m", "charloop", "--version"], capture_output=True, text=True)
    assert shown.stdout == f"charloop {version('charloop')}\n"


def test_cells_lists_the_registry() -> None:
    out = done(call("cells"))
    for name, maker in CELLS.items():
        assert re.search(rf"^{name} +\S", out, re.MULTILINE)
        for option in find_cell_options(maker):
            assert f"--cell-options {option}=" in out
    assert "FILE.py:CLASS" in out


def test_cells_explains_what_runs_one() -> None:
    lines = done(call("cells", "--explain", "ln-lstm")).splitlines()
    assert re.fullmatch(
        r"a kernel runs ln-lstm, \d+ units at a time; its product, 6 batch rows by \d+ columns", lines[0]
    )
    assert lines[1].startswith("forward   ")
    assert "3 sweeps over the row: 8 reductions over it come first" in lines[1]
    assert [line.split()[0] for line in lines[1:]] == ["forward", "backward", "saves"]
    own = done(call("cells", "--explain", str(EXAMPLES / "my_cells.py:MultiplicativeLSTM"))).splitlines()
    assert own[1].startswith("product 2  whose operand takes 1 operations per unit")
    assert [line.split()[0] for line in own[1:]] == ["product", "forward", "backward", "saves"]


def test_corpora_lists_the_registry() -> None:
    out = done(call("corpora"))
    for corpus in corpora():
        assert re.search(rf"^{corpus.name} +{re.escape(corpus.summary)}$", out, re.MULTILINE)
        needs = "needs the network once" if corpus.needs_network else "needs no network"
        assert f"{needs}; {corpus.origin}" in " ".join(out.split())


def test_presets_lists_the_registry() -> None:
    out = done(call("presets"))
    blocks = [" ".join(block.split()) for block in out.split("\n\n")]
    assert blocks[1] == f"auto the default: {RULE.purpose}"
    for block, (name, preset) in zip(blocks[2:], PRESETS.items(), strict=True):
        assert block.startswith(f"{name} {preset.purpose} data ")
        assert f"hidden-size {preset.config.model.hidden_size}" in block
        for found in preset.expected:
            assert f"validation {found.loss:.3f} nats on {found.text} in {found.time}" in block


@pytest.mark.parametrize("name", ["cells", "corpora", "presets"])
def test_lists_fit_a_terminal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, done(call(name)).splitlines())) <= 80


def test_presets_shows_all_that_presets_differ_in() -> None:
    sections = [asdict(preset.config) for preset in PRESETS.values()]
    for section, shown in SHOWN.items():
        values = [one[section] for one in sections]
        assert {key for key in values[0] if any(value[key] != values[0][key] for value in values)} <= set(
            shown
        )
