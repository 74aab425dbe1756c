"""A benchmark's figures as a table or as JSON, with the machine they were taken on."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from charloop.benchmark import Setting, Timing
from charloop.cli.wording import describe_model
from charloop.devices import cores


def print_table(setting: Setting, timings: Sequence[Timing]) -> None:
    """One row an unrolling."""
    about = machine()
    print(
        f"{describe_model(setting.model)}, batch {setting.batch_size}, {setting.seq_length} characters a step"
    )
    print(f"{about['processor']}, {about['cores']} cores, jax {about['jax']}, python {about['python']}\n")
    print(
        f"{'':8} {'trace':>8} {'compile':>9} {'step, median':>14} {'fastest':>9} {'slowest':>9} {'to fused':>9}"
    )
    reference = next((t.median for t in timings if t.unrolling == "fused"), None)
    for timing in timings:
        ratio = f"{timing.median / reference:.2f}x" if reference else ""
        print(
            f"{timing.unrolling:8} {timing.trace:6.2f} s {timing.compile:7.2f} s {timing.median * 1e3:11.1f} ms"
            f" {min(timing.steps) * 1e3:6.1f} ms {max(timing.steps) * 1e3:6.1f} ms {ratio:>9}"
        )


def print_json(setting: Setting, timings: Sequence[Timing]) -> None:
    """Everything, for a program."""
    rows = [{**asdict(timing), "median": timing.median} for timing in timings]
    print(json.dumps({"machine": machine(), "setting": asdict(setting), "timings": rows}))


def machine() -> dict[str, Any]:
    """What the figures belong to."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "jax": version("jax"),
        "charloop": version("charloop"),
    }


def processor() -> str:
    """The processor's name, where the system tells."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()
