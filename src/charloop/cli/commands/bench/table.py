"""A benchmark's figures as a table, and what it writes of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from charloop.benchmark.encoding import Pace
from charloop.benchmark.memory import Memory
from charloop.benchmark.rounds import Row
from charloop.benchmark.sampling import Writing
from charloop.benchmark.unrolling import Setting, Timing
from charloop.wording import describe_model

COLUMNS = ("", "to first step", "step, median", "middle half", "to charloop", "of matrix rate")
WRITER_COLUMNS = ("", "to first text", "characters/s", "middle half", "to charloop", "of matrix rate")


def print_machine(about: Mapping[str, Any]) -> None:
    """What the figures belong to, in a line."""
    print(f"{about['processor']}, {about['cores']} cores, jax {about['jax']}, python {about['python']}")


def describe_setting(setting: Setting) -> str:
    """The network and the step."""
    step = f"batch {setting.batch_size}, {setting.seq_length} characters a step"
    return f"{describe_model(setting.model)}, {step}"


def print_unrollings(setting: Setting, timings: Sequence[Timing]) -> None:
    """One row an unrolling."""
    print(describe_setting(setting))
    print(
        f"\n{'':8} {'trace':>8} {'compile':>9} {'step, median':>14} {'fastest':>9} {'slowest':>9} {'to fused':>9}"
    )
    reference = next((t.median for t in timings if t.unrolling == "fused"), None)
    for timing in timings:
        ratio = f"{timing.median / reference:.2f}x" if reference else ""
        print(
            f"{timing.unrolling:8} {timing.trace:6.2f} s {timing.compile:7.2f} s {timing.median * 1e3:11.1f} ms"
            f" {min(timing.steps) * 1e3:6.1f} ms {max(timing.steps) * 1e3:6.1f} ms {ratio:>9}"
        )


def print_memory(name: str, setting: Setting, rows: Sequence[Memory]) -> None:
    """One unrolling a line: what a step holds."""
    print(f"\n{name}: {describe_setting(setting)}")
    print(f"{'':13}{'needed':>12}{'held':>12}{'held/needed':>14}{'weights, moments':>19}")
    for row in rows:
        sizes = f"{megabytes(row.needed):>12}{megabytes(row.working):>12}{row.ratio:>13.2f}x"
        print(f"{row.unrolling:13}{sizes}{megabytes(row.state):>19}")


def megabytes(size: int) -> str:
    """Of a million bytes."""
    return f"{size / 1e6:,.1f} MB"


def print_rows(name: str, setting: Setting, rows: Sequence[Row]) -> None:
    """One program a line: how long a step takes."""
    print(f"\n{name}: {describe_setting(setting)}")
    print_columns(COLUMNS, rows, milliseconds)


def milliseconds(row: Row) -> tuple[str, str]:
    """Of a step."""
    low, high = row.middle_half
    return f"{row.median * 1e3:.1f} ms", f"{low * 1e3:.1f}-{high * 1e3:.1f}"


def print_writers(writing: Writing, rows: Sequence[Row]) -> None:
    """One program a line: how many characters it writes in a second, all texts together."""
    texts = "one text" if writing.num_samples == 1 else f"{writing.num_samples} texts at once"
    print(f"\n{describe_model(writing.model)}, {texts} of {writing.length:,} characters")
    characters = writing.num_samples * writing.length

    def speed(row: Row) -> tuple[str, str]:
        slow, fast = sorted(characters / seconds for seconds in row.middle_half)
        return f"{characters / row.median:,.0f}", f"{slow:,.0f}-{fast:,.0f}"

    print_columns(WRITER_COLUMNS, rows, speed)


def print_paces(text: str, paces: Sequence[Pace]) -> None:
    """One program a line: how many megabytes of the text it is through with in a second."""
    rates = {pace.program: pace.rate for pace in paces}
    print(f"\n{text}, {megabytes(paces[0].size)}")
    print(f"{'':16}{'MB/s':>10}{'middle half':>18}{'to copying':>14}{'to decoding':>14}")
    for pace in paces:
        low, high = (rate / 1e6 for rate in pace.middle_half)
        ratios = "".join(f"{pace.rate / rates[name]:>13.2f}x" for name in ("copying", "decoding"))
        print(f"{pace.program:16}{pace.rate / 1e6:>10,.0f}{f'{low:,.0f}-{high:,.0f}':>18}{ratios}")


def written_pace(pace: Pace) -> dict[str, Any]:
    """A program's entry in the file."""
    return asdict(pace) | {"bytes_a_second": pace.rate, "middle_half": pace.middle_half}


def print_columns(heads: Sequence[str], rows: Sequence[Row], speed: Callable[[Row], tuple[str, str]]) -> None:
    """The table of both; `speed` gives a row's median and its middle half."""
    width = max(13, *(len(row.program) + 2 for row in rows))
    for first, *rest in (heads, *(columns_of(row, speed) for row in rows)):
        print(f"{first:{width}}" + "".join(f"{column:>16}" for column in rest).rstrip())


def columns_of(row: Row, speed: Callable[[Row], tuple[str, str]]) -> tuple[str, ...]:
    """A program's line."""
    if row.missing or not row.steps:
        return (f"{row.program:12} not measured: {row.missing}",)
    ratio = f"{row.ratio:.2f}x" if row.ratio else ""
    return (row.program, f"{row.build:.1f} s", *speed(row), ratio, f"{row.matrix_rate:.0%}")


def written(row: Row) -> dict[str, Any]:
    """A program's entry in the file."""
    return asdict(row) | ({"median": row.median, "middle_half": row.middle_half} if row.steps else {})


def written_timing(timing: Timing) -> dict[str, Any]:
    """An unrolling's entry in the file."""
    return asdict(timing) | {"median": timing.median}
