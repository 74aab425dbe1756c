"""Train every cell with several seeds on several texts, and write the table of their losses.

    python -m bench.reference train [--presets tiny fast] [--texts tinyshakespeare ...] [--seeds 3] [--runs FOLDER]
    python -m bench.reference table

`train` makes the runs by `charloop sweep` and scores each by `charloop compare --dynamic --tune`. It can be stopped
at any time, and continues where it was. The raw figures of each text and preset are a file in bench/reference/, to
which each score is added; to score all again, delete it. `table` makes docs/reference-results.md of all of them.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.settings import positive
from charloop.benchmark.results import describe_machine
from charloop.files.atomic import write_atomically

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "bench" / "reference"
PAGE = ROOT / "docs" / "reference-results.md"
OWN = ("examples/my_cells.py:MultiplicativeLSTM", "examples/my_cells.py:Mogrifier")
CELLS = ("rnn", "gru", "lstm", "ln-lstm", "nas", *OWN)
TEXTS = ("tinyshakespeare", "shakespeare", "python")
PRESETS = {
    "tiny": "--steps 2000 --embed-size 64",
    "fast": "--steps 1250 --embed-size 256",
    "base": "--steps 5400 --embed-size 384",
}
"""What is added to a preset: steps in place of minutes, so that every machine trains the same network, and as many
features as units, which the kernel of the Mogrifier needs."""
IDLE = 0.5
"""The load of the machine before the first run below which its speed is shown."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, or write the table."""
    parser = argparse.ArgumentParser(prog="bench.reference", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("table", help="write docs/reference-results.md from the figures in bench/reference/")
    train = commands.add_parser(
        "train", help="make the runs that are missing, score all, and write the figures"
    )
    train.add_argument("--presets", nargs="+", choices=PRESETS, default=["tiny", "fast"])
    train.add_argument("--texts", nargs="+", default=TEXTS, help="names of corpora, or files")
    train.add_argument("--cells", nargs="+", default=CELLS)
    train.add_argument("--seeds", type=positive, default=3)
    train.add_argument("--runs", type=Path, default=ROOT / "runs" / "reference", help="folder for the runs")
    flags = parser.parse_args(arguments)
    if flags.command == "train":
        for preset in flags.presets:
            for text in flags.texts:
                measure(text, preset, flags)
    write_atomically(PAGE, make_page().encode())


def measure(text: str, preset: str, flags: argparse.Namespace) -> None:
    """Train all cells on a text, score them, and write the figures."""
    name = f"{Path(text).stem}-{preset}"
    folder = flags.runs / name
    load = None if folder.exists() else round(os.getloadavg()[0], 2)
    what = f"--preset {preset} {PRESETS[preset]} --cells {','.join(flags.cells)} --seeds {flags.seeds}"
    sweep = ["sweep", text, *what.split(), "--output", str(folder)]
    run_charloop(sweep)
    figures = {
        "text": Path(text).stem,
        "preset": preset,
        "command": shlex.join(["charloop", "sweep", Path(text).name, *what.split()]),
        "scored": 0,
        "machine": describe_machine() | {"load_at_start": load},
        "date": str(date.today()),
        "runs": [],
    }
    FIGURES.mkdir(exist_ok=True)
    file = FIGURES / f"{name}.json"
    before = json.loads(file.read_text("utf-8")) if file.exists() else {}
    if before.get("command") == figures["command"]:
        figures = before
    for run in sorted(folder.glob("*-seed*")):
        score_run(run, figures, flags.cells)
        write_atomically(file, (json.dumps(figures, indent=1) + "\n").encode())


def score_run(run: Path, figures: dict[str, Any], cells: Sequence[str]) -> None:
    """Add the figures of a run, unless they are there. Its folder is called CELL-seedN."""
    cell, _, seed = run.name.rpartition("-seed")
    if any((row["cell"], row["seed"]) == (cell, int(seed)) for row in figures["runs"]):
        return
    own = [part for known in cells if known.endswith(f":{cell}") for part in ("--cell", known)]
    scores = json.loads(
        run_charloop(["compare", str(run), "--dynamic", "--tune", "--json", *own], capture=True)
    )
    figures["scored"] = scores["characters"]
    figures["runs"].append(describe_run(scores["runs"][0], cell, int(seed)))


def run_charloop(arguments: Sequence[str], capture: bool = False) -> str:
    """Run a command of charloop in the root of the checkout and return what it printed, if that is to be read."""
    command = [sys.executable, "-m", "charloop", *arguments]
    output = subprocess.PIPE if capture else None
    done = subprocess.run(command, cwd=ROOT, stdout=output, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout or ""


def describe_run(run: dict[str, Any], cell: str, seed: int) -> dict[str, Any]:
    """Return the figures of one run of `compare --json`."""
    return {
        "cell": cell,
        "seed": seed,
        "static": run["nats_per_character"],
        "static_interval": run["interval"],
        "dynamic": run["dynamic"]["nats_per_character"],
        "dynamic_interval": run["dynamic"]["interval"],
        "parameters": run["parameters"],
        "steps": run["steps"],
        "best_step": run["weights_step"],
        "characters_per_second": run["training_characters_per_second"],
    }


def make_page() -> str:
    """Return docs/reference-results.md: a table for each file of figures."""
    files = sorted(FIGURES.glob("*.json"), key=lambda path: path.name)
    return (
        "\n\n".join([INTRODUCTION, *(section(json.loads(path.read_text("utf-8"))) for path in files)]) + "\n"
    )


def section(figures: dict[str, Any]) -> str:
    """Return a heading, what was run, and the table of cells, the lowest loss first."""
    machine, runs = figures["machine"], defaultdict(list)
    for run in figures["runs"]:
        runs[run["cell"]].append(run)
    ranked = sorted(runs.items(), key=lambda item: mean(run["static"] for run in item[1]))
    busy = machine["load_at_start"] is None or machine["load_at_start"] >= IDLE
    note = " No speed is shown: the machine was busy, or the runs were resumed." if busy else ""
    about = (
        f"{figures['date']}, {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, jax "
        f"{machine['jax']}, commit {machine['commit']}; {figures['scored']:,} characters scored.{note}"
    )
    head = "| cell | parameters | static | dynamic | characters/s |\n|---|---:|---:|---:|---:|"
    rows = "\n".join("| " + " | ".join(describe_row(name, of, busy)) + " |" for name, of in ranked)
    heading = f"## {figures['text']}, `{figures['preset']}`"
    return "\n\n".join([heading, f"```\n{figures['command']}\n```", about, f"{head}\n{rows}"])


def describe_row(name: str, runs: Sequence[dict[str, Any]], busy: bool) -> Iterator[str]:
    """Yield a row's cells."""
    yield name
    yield f"{runs[0]['parameters']:,}"
    yield spread([run["static"] for run in runs])
    yield spread([run["dynamic"] for run in runs])
    yield "" if busy else f"{max(run['characters_per_second'] for run in runs):,.0f}"


def spread(values: Sequence[float]) -> str:
    """Return the mean, and the standard deviation of several values."""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


INTRODUCTION = """# Reference results

Validation losses in nats per character (divide by 0.693 for bits) of every built-in cell and of two from papers in
`examples/my_cells.py`: the mean of the seeds, ± their standard deviation. *Static* is the loss of the best weights,
with every character of the validation part scored once and the memory carried along. *Dynamic* is the loss of the
same weights when they go on to learn from what they have read ([dynamic evaluation](dynamic-evaluation.md)), with
rate and decay chosen for each run on the training text. All cells have the same number of units, so their numbers of
parameters differ. *Characters/s* is the fastest training of the seeds.

`python -m bench.reference train` makes the runs, the raw figures in `bench/reference/`, and this page. If it is
stopped, it continues where it was. Each section shows the command of its runs; `charloop compare RUNS --dynamic
--tune` scores them. The equations of a cell: `charloop cells --explain NAME`."""


if __name__ == "__main__":
    main()
