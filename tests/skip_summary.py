"""The end of a test run says which tests were skipped, and why: a skip that nobody sees is a test that nobody has."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the skipped tests. With pytest-xdist only the process that collects the reports comes here."""
    lines = [*describe_skips(terminalreporter.stats.get("skipped", []))]
    if lines:
        terminalreporter.section(lines[0])
        for line in lines[1:]:
            terminalreporter.line(line)


def describe_skips(reports: Iterable[Any]) -> Iterator[str]:
    """Yield how many tests were skipped, then each reason with its tests by file, the most frequent first."""
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in reports:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reasons[reason.removeprefix("Skipped: ")][report.nodeid.partition("::")[0]] += 1
    if reasons:
        yield f"skipped tests: {sum(files.total() for files in reasons.values())}"
    for reason, files in sorted(reasons.items(), key=lambda entry: (-entry[1].total(), entry[0])):
        yield f"{files.total():5}  {reason}: {', '.join(f'{file} ({files[file]})' for file in sorted(files))}"
