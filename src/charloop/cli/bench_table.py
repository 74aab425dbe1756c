"""A benchmark's figures as a table or as JSON, with the machine they were taken on."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from charloop.benchmark.machine import machine
from charloop.benchmark.unrolling import Setting, Timing
from charloop.cli.wording import describe_model


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
