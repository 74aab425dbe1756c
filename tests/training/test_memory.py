"""A step that needs more memory than is free is refused before anything is allocated or written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from charloop.errors import CharloopError
from charloop.free_memory import free_memory
from charloop.training import memory
from charloop.training.run import resume
from choosing import slow
from training.runs import SYMBOLS, configure, run

LARGE = {"batch_size": 8, "seq_length": 1500, "steps": 1, "devices": 2}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text(SYMBOLS * 4000)
    return path


def leave_free(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _: int(size))


def test_a_step_that_does_not_fit_is_refused_with_sizes_that_do(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_free(monkeypatch, 3e6)
    with pytest.raises(CharloopError) as caught:
        run(tmp_path / "run", configure(corpus, **LARGE))
    error = caught.value
    assert re.fullmatch(
        r"a step of 8 x 1500 characters needs about \S+ GB of memory, and 0.003 GB are free", error.what
    )
    assert not (tmp_path / "run").exists()
    seq_length, batch_size = re.findall(r"--(?:seq-length|batch-size) (\d+)", error.do or "")
    assert 1 <= int(batch_size) < 8
    assert 100 < int(seq_length) < 1500
    fits = run(tmp_path / "short", configure(corpus, **LARGE | {"seq_length": int(seq_length)}))
    assert not [note for note in fits.started.notes if "memory" in note]


def test_a_step_that_may_not_fit_is_noted_and_a_resumed_run_is_checked(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = []
    measure = memory.measure_bytes
    monkeypatch.setattr(memory, "measure_bytes", lambda session: needed.append(measure(session)) or needed[0])
    leave_free(monkeypatch, 1e7)
    made = run(tmp_path / "run", configure(corpus, **LARGE))
    leave_free(monkeypatch, needed[0] / 0.9)
    made = run(tmp_path / "noted", configure(corpus, **LARGE))
    (note,) = [note for note in made.started.notes if "memory" in note]
    assert "--seq-length 1200 or --batch-size 6 fits" in note
    leave_free(monkeypatch, needed[0] * 0.9)
    sizes = "--seq-length 1000 or --batch-size 5"
    again = f"end other programs, or go on in a new run, where {sizes} fits: --init-from {made.folder}"
    with pytest.raises(CharloopError, match="characters needs about") as caught:
        resume(made.folder)
    assert caught.value.do == again
    leave_free(monkeypatch, 1000)
    with pytest.raises(CharloopError) as caught:
        resume(made.folder)
    assert caught.value.do == "end other programs", "a new run has the same network"


def test_small_steps_are_not_compiled_beforehand(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "measure_bytes", None)
    leave_free(monkeypatch, 1e9)
    run(tmp_path / "run", configure(corpus, **LARGE))
    monkeypatch.setattr(memory, "free_memory", lambda _: None)
    run(tmp_path / "unknown", configure(corpus, **LARGE))


class Cpu:
    platform = "cpu"


class Gpu:
    platform = "gpu"

    @staticmethod
    def memory_stats() -> dict[str, int]:
        return {"bytes_limit": 1000, "bytes_in_use": 300}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


SYSTEM = {"proc/meminfo": "MemTotal: 90 kB\nMemFree:  1 kB\nMemAvailable:   40 kB\nSwapFree:  8 kB\n"}
GROUP = "sys/fs/cgroup"
VERSION_2 = {
    "proc/self/cgroup": "0::/user/job\n",
    f"{GROUP}/user/job/memory.max": "max\n",
    f"{GROUP}/user/job/memory.current": "5000\n",
    f"{GROUP}/user/memory.max": "30000\n",
    f"{GROUP}/user/memory.current": "9000\n",
    f"{GROUP}/user/memory.stat": "anon 1\nactive_file 70\ninactive_file 400\n",
}
VERSION_1 = {
    "proc/self/cgroup": "5:cpu:/other\n4:memory:/job\n0::/\n",
    f"{GROUP}/memory/memory.limit_in_bytes": "9223372036854771712\n",
    f"{GROUP}/memory/memory.usage_in_bytes": "1\n",
    f"{GROUP}/memory/job/memory.limit_in_bytes": "20000\n",
    f"{GROUP}/memory/job/memory.usage_in_bytes": "8000\n",
    f"{GROUP}/memory/job/memory.stat": "active_file 9\ntotal_active_file 50\ntotal_inactive_file 300\n",
}
CONTAINER = {
    "proc/self/cgroup": "0::/\n",
    f"{GROUP}/memory.max": "7000\n",
    f"{GROUP}/memory.current": "9000\n",
}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        (SYSTEM, 48 * 1024),
        (SYSTEM | VERSION_2, 21470),
        (SYSTEM | VERSION_1, 12350),
        (SYSTEM | CONTAINER, 0),
    ],
    ids=["unknown", "system", "version 2", "version 1", "container"],
)
def test_the_system_and_its_control_groups_limit_what_is_free(
    tmp_path: Path, files: dict[str, str], free: int | None
) -> None:
    assert free_memory(Cpu(), write(tmp_path, files)) == free  # type: ignore[arg-type]


def test_a_gpu_says_what_is_free() -> None:
    assert free_memory(Gpu()) == 700  # type: ignore[arg-type]


MEASURE = f"""
import sys, resource
from pathlib import Path
sys.path.append({str(Path(__file__).parents[1])!r})
from charloop.devices import use_all_cores
use_all_cores()
from charloop.training import memory
from charloop.training.run import train
from training.runs import configure

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def check(session):
    # What compiling takes is behind us, and the call takes the program from the cache.
    check.needed = memory.measure_bytes(session)
    check.before = peak()
    return []

import charloop.training.new_runs.preparing as preparing
import charloop.training.run as run
preparing.check_memory = run.check_memory = check
text, cell, unroll, time = sys.argv[1:]
sizes = dict(batch_size=16, seq_length=int(time), hidden_size=128, steps=1, steps_per_call=1, devices=0)
train(configure(Path(text), **sizes, cell=cell, unroll=unroll), Path(text).with_name(cell + unroll))
print(check.needed, peak() - check.before)
"""


@pytest.mark.parametrize(
    ("cell", "unroll", "time"),
    [
        slow(("lstm", "fused", 4000)),
        slow(("gru", "fused", 4000)),
        slow(("nas", "fused", 2000)),
        slow(("lstm", "xla", 2000)),
    ],
)
def test_the_plan_is_what_a_step_takes(tmp_path: Path, cell: str, unroll: str, time: int) -> None:
    text = tmp_path / "text"
    text.write_text(SYMBOLS * 20000)
    command = [sys.executable, "-c", MEASURE, str(text), cell, unroll, str(time)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    needed, grown = map(int, done.stdout.split()[-2:])
    assert needed > 1e8
    assert 0.8 * needed < grown < 1.25 * needed
